package file

import (
	"context"
	"fmt"
	"path/filepath"
	"sort"
	"strings"

	"flexbeam/internal/objects"
	"flexbeam/internal/parallel"
	"flexbeam/pipeline/source"
)

// ErrNoFiles says that a pattern matches no readable file.
var ErrNoFiles = source.ErrNoInput

// A File is one input file, or an object.
type File struct {
	Path    string // or the URL of an object
	Size    int64
	Format  Format
	Spread  bool   // its first JSON value is spread over several lines: it is read as values, not as lines
	Version string // of an object
}

// object returns the file as an object.
func (f File) object() objects.Object {
	return objects.Object{URL: f.Path, Size: f.Size, Version: f.Version}
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

// A lister lists the files of patterns.
type lister struct {
	ctx     context.Context
	objects *objects.Client // may be nil where no pattern is one of objects
	within  source.Span     // what was written at another time is left out, as far as its path tells
	left    int             // how many files were left out
}

// list returns the files that match the patterns (filepath.Match, or objects.Client.Find for those that
// begin with s3:// or gs://; several separated by commas), each once and in order of their canonical
// paths, and makes sure that each can be read, and is neither in UTF-16 or UTF-32 nor packed in another
// way than those above.
func (l *lister) list(patterns string) ([]File, error) {
	seen := map[string]bool{}
	var files []File
	for pattern := range strings.SplitSeq(patterns, ",") {
		if pattern = strings.TrimSpace(pattern); pattern == "" {
			continue
		}
		match := l.matches
		if objects.Is(pattern) {
			match = l.objectsOf
		}
		found, err := match(pattern)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if !seen[f.Path] {
				seen[f.Path] = true
				files = append(files, f)
			}
		}
	}
	switch {
	case len(files) == 0 && l.left > 0:
		return nil, fmt.Errorf("%w: what matches %s was written at another time, as its folders tell: name another time, or other files", ErrNoFiles, patterns)
	case len(files) == 0:
		return nil, fmt.Errorf("%w: write file:PATTERN, such as file:events/*.ndjson.gz", ErrNoFiles)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files, nil
}

// matches returns the files of this machine that match a pattern.
func (l *lister) matches(pattern string) ([]File, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%w: the pattern %q is malformed: %w", ErrNoFiles, pattern, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%w: no file matches %q: check the path", ErrNoFiles, pattern)
	}
	var files []File
	for _, p := range paths {
		if overlap(filepath.ToSlash(p), l.within) == objects.None {
			l.left++
			continue
		}
		f, err := probe(p)
		if err != nil {
			return nil, err
		}
		f.Path = canonical(p)
		files = append(files, f)
	}
	return files, nil
}

// looks is how many objects are looked at at once.
const looks = 32

// objectsOf returns the objects that match a pattern.
func (l *lister) objectsOf(pattern string) ([]File, error) {
	found, err := l.objects.Find(l.ctx, pattern, func(path string) objects.Overlap {
		o := overlap(path, l.within)
		if o == objects.None {
			l.left++
		}
		return o
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNoFiles, err)
	case len(found) == 0 && l.left == 0:
		return nil, fmt.Errorf("%w: no object matches %q: check the bucket and the key; a slash at the end of a pattern stands for all that lies below, and ** for any folders", ErrNoFiles, pattern)
	}
	files := make([]File, len(found))
	return files, parallel.Do(looks, len(found), func(_, i int) (err error) {
		files[i], err = l.probeObject(found[i])
		return err
	})
}
