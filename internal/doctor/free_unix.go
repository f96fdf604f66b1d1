//go:build unix

package doctor

import (
	"errors"
	"syscall"
)

// free returns how many bytes a program may still write where a directory is.
func free(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	if s.Blocks == 0 { // it is no disk
		return 0, errors.ErrUnsupported
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
