package journal

import (
	"errors"
	"fmt"
	"syscall"
)

// The errors of Open, and ErrMark of Snapshot.
var (
	ErrLocked  = errors.New("the directory is in use")
	ErrDamaged = errors.New("the snapshot is damaged")
	ErrForeign = errors.New("the file is of another kind or version")
	ErrMark    = errors.New("the mark lies before what is in the file already")
)

// withAdvice says of an error of a disk without room what to do. The error itself names the file.
func withAdvice(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: make room there and run the same command again: it goes on where the directory ends", err)
	}
	return err
}
