//go:build unix

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Take opens a file for this process alone, until the file is closed. It makes the file with the
// given mode if it is not there. If another process holds the file, it does not wait and returns
// ErrTaken.
func Take(path string, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, mode)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrTaken
		}
		return nil, err
	}
	return f, nil
}
