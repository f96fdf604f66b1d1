package file

import (
	"fmt"
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
	Spread bool // its first JSON value is spread over several lines: it is read as values, not as lines
}

// Cuttable tells whether a file can be read from any line on.
func (f File) Cuttable() bool { return f.Format == Plain && !f.Spread }

// A Format says how a file is packed.
type Format int

// The formats, told by the first bytes of a file.
const (
	Plain Format = iota
	Gzip
	Zstd
)

// List returns the files that match the patterns (filepath.Match, several separated by commas), each
// once and in order of their canonical paths, and makes sure that each can be read, and is neither in
// UTF-16 or UTF-32 nor packed in another way than those below.
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
