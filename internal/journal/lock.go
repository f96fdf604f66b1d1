package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"flexbeam/internal/filelock"
)

// lock takes the directory for this process, until the file is closed or the process ends.
func lock(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := filelock.Take(path, 0o600)
	switch {
	case errors.Is(err, filelock.ErrTaken):
		owner, _ := os.ReadFile(path) // for the message only
		return nil, fmt.Errorf("%w by process %s: end that one, or name another directory: %s", ErrLocked, strings.TrimSpace(string(owner)), dir)
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintln(f, os.Getpid()) // for the message only
	}
	return f, nil
}
