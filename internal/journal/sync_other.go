//go:build !linux

package journal

import "os"

// datasync writes a file's data and size to disk.
func datasync(f *os.File) error { return f.Sync() }
