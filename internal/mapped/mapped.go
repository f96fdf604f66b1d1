// Package mapped reads parts of files without copying them: as memory that the kernel shares with
// its file cache, where the system has that, else as a copy.
//
// Memory of a file that is truncated while it is read faults. Guard turns such a fault into an
// error; every goroutine that touches mapped memory must do so inside of it.
package mapped

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrChanged says that a file was truncated while it was read.
var ErrChanged = errors.New("the file became shorter while it was read")

// Guard calls f and returns its error, or ErrChanged where f touched mapped memory that is no
// longer there.
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
