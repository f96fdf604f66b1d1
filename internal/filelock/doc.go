// Package filelock takes files for one process: by an advisory lock that ends when the file is
// closed, or the process, however that ends. A file that a dead process left does not matter. Where
// the system has no such lock, nothing is taken, and that one process uses a file is then up to the
// user.
package filelock

import "errors"

// ErrTaken says that another holder has the file.
var ErrTaken = errors.New("the file is taken")
