// Package mapped reads parts of files without copying them: as memory that the kernel shares with
// its file cache, where the system has that, else as a copy.
//
// A file may be truncated while its memory is read. The access then faults, which would end the
// process. Guard turns such a fault into an error: every goroutine that touches mapped memory must
// do so inside of Guard.
package mapped

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrChanged says that a file was truncated while it was read.
var ErrChanged = errors.New("the file became shorter while it was read")

// Guard calls f and returns its error, or ErrChanged if f touched mapped memory of a file that was
// truncated.
func Guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // what the runtime panics with on a fault
			err = fmt.Errorf("%w (address %#x)", ErrChanged, r.Addr())
		default:
			panic(r)
		}
	}()
	return f()
}
