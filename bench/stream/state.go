package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// state compares places for the state on disk, in a program that is built from a module of its own:
// bench/state.
func state(ctx context.Context, s settings) error {
	c := exec.CommandContext(ctx, s.stateProgram, append([]string{"-dir", filepath.Join(s.dir, "state")}, s.stateFlags...)...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%w: make bench-state makes %s", err, s.stateProgram)
	}
	return nil
}
