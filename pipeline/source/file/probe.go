package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"flexbeam/internal/jsonscan"
	"flexbeam/internal/objects"
)

// firstRead is how much of a file is read at first to see how its records stand in it, in bytes.
const firstRead = 64 << 10

// probe looks at a file: whether it can be read, how it is packed, and how its records stand in it.
func probe(path string) (File, error) {
	st, err := os.Stat(path) // before it is opened, which waits for the writer of a pipe
	if err != nil {
		return File{}, fmt.Errorf("%w: cannot read %s: %w", ErrNoFiles, path, errors.Unwrap(err))
	}
	if st.IsDir() {
		return File{}, fmt.Errorf("%w: %s is a directory; name its files, such as %s", ErrNoFiles, path, filepath.Join(path, "*.ndjson"))
	}
	if !st.Mode().IsRegular() {
		return File{}, fmt.Errorf("%w: %s is no regular file; write its records to a file first", ErrNoFiles, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("%w: cannot read %s: %w", ErrNoFiles, path, errors.Unwrap(err))
	}
	defer f.Close()
	return examine(f, File{Path: path, Size: st.Size()})
}

// probeObject looks at an object as probe does at a file.
func (l *lister) probeObject(o objects.Object) (File, error) {
	r := &growing{ctx: l.ctx, objects: l.objects, o: o}
	defer r.close()
	return examine(r, File{Path: o.URL, Size: o.Size, Version: o.Version})
}

// examine tells how a file is packed, and how its records stand in it, from its begin.
func examine(f io.Reader, file File) (File, error) {
	var magic [10]byte
	n, err := io.ReadFull(f, magic[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return File{}, fmt.Errorf("%w: cannot read %s: %w", ErrNoFiles, file.Path, err)
	}
	if what, do := foreign(magic[:n]); what != "" {
		return File{}, fmt.Errorf("%w: %s is %s: %s", ErrNoFiles, file.Path, what, do)
	}
	file.Format = formatOf(magic[:n])
	wide, spread := look(io.MultiReader(bytes.NewReader(magic[:n]), f), file.Format)
	if wide != "" {
		return File{}, fmt.Errorf("%w: %s is in %s: convert it to UTF-8 first, such as with %s", ErrNoFiles, file.Path, wide, converter(file.Path, wide, file.Format))
	}
	file.Spread = spread
	return file, nil
}

// growing reads an object in parts, each twice as long as all before it: few need more than the first.
type growing struct {
	ctx     context.Context
	objects *objects.Client
	o       objects.Object
	at, end int64
	part    io.ReadCloser
}

// Read implements io.Reader.
func (g *growing) Read(p []byte) (int, error) {
	for {
		if g.at == g.end {
			if g.close(); g.end >= g.o.Size {
				return 0, io.EOF
			}
			length := max(firstRead, g.at)
			g.part, g.end = g.objects.Open(g.ctx, g.o, g.at, length), min(g.at+length, g.o.Size)
		}
		n, err := g.part.Read(p)
		g.at += int64(n)
		if n > 0 || err != io.EOF {
			return n, err
		}
	}
}

func (g *growing) close() {
	if g.part != nil {
		_ = g.part.Close()
		g.part = nil
	}
}

// converter returns a command that converts a file to UTF-8.
func converter(path, wide string, format Format) string {
	if objects.Is(path) {
		return fmt.Sprintf("iconv -f %s -t UTF-8, and read the copy", wide)
	}
	name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".gz"), ".zst")
	utf8 := filepath.Join(filepath.Dir(path), "utf8-"+name)
	switch format {
	case Gzip:
		return fmt.Sprintf("gzip -dc %s | iconv -f %s -t UTF-8 > %s", path, wide, utf8)
	case Zstd:
		return fmt.Sprintf("zstd -dc %s | iconv -f %s -t UTF-8 > %s", path, wide, utf8)
	}
	return fmt.Sprintf("iconv -f %s -t UTF-8 %s > %s", wide, path, utf8)
}

// formatOf tells how a file is packed from its first bytes.
func formatOf(magic []byte) Format {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return Gzip
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return Zstd
	}
	return Plain
}

// foreigners are forms of files that are not read, by their first bytes.
var foreigners = []struct{ magic, what, do string }{
	{"BZh", "packed by bzip2", "unpack it first, with bunzip2"},
	{"\xfd7zXZ\x00", "packed by xz", "unpack it first, with unxz"},
	{"PK\x03\x04", "a zip archive", "unpack it first, with unzip"},
	{"\xff\x06\x00\x00sNaPpY", "packed by Snappy", "unpack it first"},
	{"PAR1", "in Parquet", "write its records as JSON lines first"},
	{"Obj\x01", "in Avro", "write its records as JSON lines first"},
}

// foreign tells what a file that is not read is, by its first bytes, and what to do; else both are empty.
func foreign(magic []byte) (what, do string) {
	for _, f := range foreigners {
		if bytes.HasPrefix(magic, []byte(f.magic)) {
			return f.what, f.do
		}
	}
	return "", ""
}

// look looks at the begin of a file. wide is the name of an encoding of wide characters, if the
// file has one; spread tells whether its first value is spread over lines. What cannot be read
// tells nothing: the job will say so.
func look(f io.Reader, format Format) (wide string, spread bool) {
	r, release, err := unpacked(f, format)
	if err != nil {
		return "", false
	}
	defer release()
	var data []byte
	for size := firstRead; ; size *= 2 {
		more := make([]byte, size-len(data))
		n, err := io.ReadFull(r, more)
		data = append(data, more[:n]...)
		if wide = wideEncoding(data); wide != "" {
			return wide, false
		}
		if spread, known := isSpread(data, err != nil); known {
			return "", spread
		}
	}
}

// isSpread tells whether the first JSON value of a file is spread over several lines. data is the begin
// of the file, all says that it is the whole of it. known is false if more of the file is needed.
func isSpread(data []byte, all bool) (spread, known bool) {
	start := jsonscan.Between(data, 0)
	end, err := jsonscan.Value(data, start, 0)
	switch {
	case err == nil && (all || end < len(data)):
		return bytes.IndexByte(data[start:end], '\n') >= 0, true
	case all:
		return false, true
	}
	// The scanner does not tell a value that is broken from one that goes on behind data.
	var value json.RawMessage
	err = json.NewDecoder(bytes.NewReader(data[start:])).Decode(&value)
	return false, err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// wideEncoding returns the name of the encoding of a text that is in UTF-16 or UTF-32, by its byte
// order mark or by the zeros beside its first character; else an empty name.
func wideEncoding(b []byte) string {
	if len(b) < 2 {
		return ""
	}
	var c [4]byte
	n := copy(c[:], b)
	switch {
	case n == 4 && c == [4]byte{0xff, 0xfe, 0, 0}, n == 4 && c[0] != 0 && c[1] == 0 && c[2] == 0 && c[3] == 0:
		return "UTF-32LE"
	case n == 4 && c == [4]byte{0, 0, 0xfe, 0xff}, n == 4 && c[0] == 0 && c[1] == 0 && c[2] == 0 && c[3] != 0:
		return "UTF-32BE"
	case c[0] == 0xff && c[1] == 0xfe, c[0] != 0 && c[1] == 0:
		return "UTF-16LE"
	case c[0] == 0xfe && c[1] == 0xff, c[0] == 0 && c[1] != 0:
		return "UTF-16BE"
	}
	return ""
}

// unpacked returns a reader of what a file holds, and a function that releases it.
func unpacked(f io.Reader, format Format) (io.Reader, func(), error) {
	switch format {
	case Gzip:
		r, err := gzip.NewReader(f)
		return r, func() {}, err
	case Zstd:
		r, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, err
		}
		return r, r.Close, nil
	}
	return f, func() {}, nil
}
