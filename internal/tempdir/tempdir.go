// Package tempdir makes directories for temporary files where TMPDIR says, else in /tmp. Its errors say
// what a user can do.
package tempdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Make makes a new directory whose name begins with a prefix. The caller removes it.
func Make(prefix string) (string, error) {
	dir, err := os.MkdirTemp("", prefix+"*")
	if err != nil {
		return "", explain(err)
	}
	return dir, nil
}

// Check returns an error if no file can be made in the directory for temporary files.
func Check() error {
	if err := Writable(""); err != nil {
		return explain(err)
	}
	return nil
}

// Writable returns an error if no file can be made in a directory; in that for temporary files for "". It leaves none behind.
func Writable(dir string) error {
	f, err := os.CreateTemp(dir, ".flexbeam-*")
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err // its path has a random name
		}
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// CanHold returns an error if a directory cannot be written to, or cannot be made: then the error is
// about the nearest directory above that is there. It makes none.
func CanHold(dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		fi, err := os.Stat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at:
			continue
		case errors.Is(err, syscall.ENOTDIR):
			continue // what is no directory lies above
		case err == nil && !fi.IsDir():
			return fmt.Errorf("%s is no directory", at)
		case err == nil:
			err = Writable(at)
		}
		if err != nil {
			var path *fs.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			return fmt.Errorf("%s: %w", at, err)
		}
		return nil
	}
}

func explain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // its path has a random name
	}
	return fmt.Errorf("no temporary files can be made in %s: %w: set TMPDIR to a directory that can be written to", os.TempDir(), err)
}
