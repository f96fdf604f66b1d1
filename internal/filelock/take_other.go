//go:build !unix

package filelock

import "os"

// Take opens a file, and makes it with the given mode if it is not there. There is no lock to take
// here.
func Take(path string, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, mode)
}
