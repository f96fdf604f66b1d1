//go:build !unix

package jsonl

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockDir has no lock to take here: that one process writes to a directory is then up to the user.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("jsonl: lock directory: %w: name one that may be written to", err)
	}
	return f, nil
}
