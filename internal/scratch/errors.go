package scratch

import "errors"

// The errors of Get; after Close it is os.ErrClosed.
var (
	ErrDamaged = errors.New("scratch: a value is not as it was written")
	ErrFreed   = errors.New("scratch: there is no such value, or no longer")
)
