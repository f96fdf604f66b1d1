package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"flexbeam/pipeline/source"
)

// ErrNoFiles says that a pattern matches no readable file.
var ErrNoFiles = source.ErrNoInput

// A File is one input file.
type File struct {
	Path   string
	Size   int64
	Format Format
}

// A Format says how a file is packed.
type Format int

// The formats, told by the first bytes of a file.
const (
	Plain Format = iota
	Gzip
	Zstd
)

// List returns the files that match the patterns (filepath.Match, several separated by commas), each once and in order of
// their canonical paths, and makes sure that each can be read.
func List(patterns string) ([]File, error) {
	seen := map[string]bool{}
	var files []File
	for _, pattern := range strings.Split(patterns, ",") {
		if pattern = strings.TrimSpace(pattern); pattern == "" {
			continue
		}
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("%w: the pattern %q is malformed: %w", ErrNoFiles, pattern, err)
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("%w: no file matches %q: check the path", ErrNoFiles, pattern)
		}
		for _, p := range paths {
			at := canonical(p)
			if seen[at] {
				continue
			}
			seen[at] = true
			f, err := probe(p)
			if err != nil {
				return nil, err
			}
			f.Path = at
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: write file:PATTERN, such as file:events/*.ndjson.gz", ErrNoFiles)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files, nil
}

func probe(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("%w: cannot read %s: %w", ErrNoFiles, path, errors.Unwrap(err))
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return File{}, fmt.Errorf("%w: cannot read %s: %w", ErrNoFiles, path, err)
	}
	if st.IsDir() {
		return File{}, fmt.Errorf("%w: %s is a directory; name its files, such as %s", ErrNoFiles, path, filepath.Join(path, "*.ndjson"))
	}
	if !st.Mode().IsRegular() {
		return File{}, fmt.Errorf("%w: %s is no regular file; write its records to a file first", ErrNoFiles, path)
	}
	var magic [4]byte
	n, err := io.ReadFull(f, magic[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return File{}, fmt.Errorf("%w: cannot read %s: %w", ErrNoFiles, path, err)
	}
	format := Plain
	switch {
	case bytes.HasPrefix(magic[:n], []byte{0x1f, 0x8b}):
		format = Gzip
	case bytes.HasPrefix(magic[:n], []byte{0x28, 0xb5, 0x2f, 0xfd}):
		format = Zstd
	}
	return File{Path: path, Size: st.Size(), Format: format}, nil
}
