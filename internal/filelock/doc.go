// Package filelock locks files for one process. The lock is advisory. It ends when the file is
// closed or when the process ends, however that comes about, so a file that a dead process left
// behind is free. Where the system has no such locks, nothing is locked, and the user must see to it
// that only one process uses a file.
package filelock

import "errors"

// ErrTaken says that another holder has the file.
var ErrTaken = errors.New("the file is taken")
