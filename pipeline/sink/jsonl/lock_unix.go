//go:build unix

package jsonl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir takes the directory for this sink alone, until the file is closed or the process ends. A file that a dead
// process left does not matter.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("jsonl: lock directory: %w: name one that may be written to", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("jsonl: open %s: another sink writes to it: end that one, or write into another directory", dir)
		}
		return nil, fmt.Errorf("jsonl: lock %s: %w", dir, err)
	}
	return f, nil
}
