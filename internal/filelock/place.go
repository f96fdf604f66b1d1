package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrGone says that what is written to an open file may reach nobody.
var ErrGone = errors.New("was deleted, moved or replaced while this process had it open")

// A Place is where an open file was when it was opened.
type Place struct {
	path string
	was  os.FileInfo
}

// PlaceOf returns the place of the file at a path.
func PlaceOf(path string) (Place, error) {
	was, err := os.Stat(path)
	return Place{path, was}, err
}

// Check returns an error that wraps ErrGone if the file is not at its place any more. name is what the
// error calls it.
func (p Place) Check(name string) error {
	is, err := os.Stat(p.path)
	if err == nil && !os.SameFile(p.was, is) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %w", name, ErrGone)
	}
	return nil // what else keeps it from being looked at, a write tells
}
