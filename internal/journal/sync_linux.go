package journal

import (
	"os"
	"syscall"
)

// datasync writes a file's data and size to disk.
func datasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
