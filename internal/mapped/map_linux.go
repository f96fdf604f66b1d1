package mapped

import (
	"os"
	"syscall"
)

// Map returns length bytes of a file, which begin offset bytes behind its start, and a function that
// releases the memory. The bytes must not be written, and not be read after release.
func Map(f *os.File, offset int64, length int) (data []byte, release func(), err error) {
	skip := int(offset % int64(os.Getpagesize()))
	m, err := syscall.Mmap(int(f.Fd()), offset-int64(skip), length+skip, syscall.PROT_READ, syscall.MAP_SHARED|syscall.MAP_POPULATE)
	if err != nil {
		return nil, nil, os.NewSyscallError("mmap", err)
	}
	return m[skip : skip+length], func() { _ = syscall.Munmap(m) }, nil // it fails for wrong arguments only
}
