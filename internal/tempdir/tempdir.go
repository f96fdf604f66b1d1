// Package tempdir makes directories for temporary files where TMPDIR says, else in /tmp. Its errors say
// what a user can do.
package tempdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	f, err := os.CreateTemp("", "flexbeam-*")
	if err != nil {
		return explain(err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func explain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // its path has a random name
	}
	return fmt.Errorf("no temporary files can be made in %s: %w: set TMPDIR to a directory that can be written to", os.TempDir(), err)
}
