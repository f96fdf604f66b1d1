//go:build unix

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Take opens a file, makes it with the given mode if it is not there, and takes it until it is
// closed. It does not wait: ErrTaken.
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
