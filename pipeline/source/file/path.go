package file

import (
	"os"
	"path/filepath"
)

// canonical returns the one path by which a file is known, however it is named: with links
// resolved, and relative to the working directory where the file is below it. Two paths of one file
// are one then, and so are the places of its records. A copy is another file, and so is another
// hard link.
func canonical(path string) string {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return filepath.Clean(path) // reading it will say what is wrong
	}
	dir, err := os.Getwd()
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return file
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	if below, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(below) {
		return below
	}
	return file
}
