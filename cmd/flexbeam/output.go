package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// An output is a file that is compressed as its name's ending says. Close ends what was written.
type output struct {
	io.Writer
	close []func() error // in order
}

// otherEndings are those of compressed files and archives that are not written.
var otherEndings = []string{".bz2", ".xz", ".zip", ".7z", ".br", ".lz4", ".sz", ".z", ".lzma", ".tar", ".tgz"}

// checkEnding refuses a name whose ending stands for what is not written.
func checkEnding(name string) error {
	if e := filepath.Ext(name); slices.Contains(otherEndings, strings.ToLower(e)) {
		return usagef("--out %s: flexbeam writes no %s: choose the ending .gz or .zst, or .ndjson for plain text", name, e)
	}
	return nil
}

// create creates the file of that name; "-" is standard output, which is not closed.
func create(name string, stdout io.Writer) (*output, error) {
	if name == "-" || name == "" {
		return &output{Writer: stdout}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	o := &output{Writer: f, close: []func() error{f.Close}}
	switch {
	case strings.HasSuffix(name, ".gz"):
		z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
		must(err)
		o.Writer, o.close = z, []func() error{z.Close, f.Close}
	case strings.HasSuffix(name, ".zst"), strings.HasSuffix(name, ".zstd"):
		z, err := zstd.NewWriter(f)
		must(err)
		o.Writer, o.close = z, []func() error{z.Close, f.Close}
	}
	return o, nil
}

// Close closes all and returns what went wrong.
func (o *output) Close() error {
	var all []error
	for _, c := range o.close {
		all = append(all, c())
	}
	return errors.Join(all...)
}
