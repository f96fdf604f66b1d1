//go:build !unix

package filelock

import "os"

// Take opens a file, and makes it with the given mode if it is not there. This system has no locks
// of files, so it never returns ErrTaken.
func Take(path string, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, mode)
}
