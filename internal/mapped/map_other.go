//go:build !linux

package mapped

import (
	"io"
	"os"
)

// Map returns a copy of length bytes of a file, which begin offset bytes behind its start. The
// function that releases the memory does nothing here.
func Map(f *os.File, offset int64, length int) (data []byte, release func(), err error) {
	data = make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(f, offset, int64(length)), data); err != nil {
		return nil, nil, err
	}
	return data, func() {}, nil
}
