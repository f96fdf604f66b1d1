package jsonl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"flexbeam/internal/filelock"
)

// lockDir takes the directory for this sink alone, until the file is closed or the process ends.
func lockDir(dir string) (*os.File, error) {
	f, err := filelock.Take(filepath.Join(dir, ".lock"), 0o666)
	switch {
	case errors.Is(err, filelock.ErrTaken):
		return nil, fmt.Errorf("jsonl: open %s: another sink writes to it: end that one, or write into another directory", dir)
	case err != nil:
		return nil, fmt.Errorf("jsonl: lock directory: %w: name one that may be written to", err)
	}
	return f, nil
}
