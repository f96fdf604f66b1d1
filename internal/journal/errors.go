package journal

import "errors"

// The errors of Open, and ErrMark of Replace.
var (
	ErrLocked  = errors.New("journal: the directory is in use")
	ErrDamaged = errors.New("journal: the snapshot is damaged")
	ErrForeign = errors.New("journal: the file is of another kind or version")
	ErrMark    = errors.New("journal: the mark lies before what is in the file already")
)
