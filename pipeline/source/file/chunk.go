package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"flexbeam/schemas/record"
)

// ChunkSize is how much of a file becomes one batch, in bytes. Larger chunks make fewer elements, but more memory.
const ChunkSize = 16 << 20

// Source names this source in dead letters.
const Source = "file"

// A Chunk is a part of a file: the lines that begin in [Start, End). A compressed file is one chunk.
type Chunk struct {
	File
	Part       int64
	Start, End int64
}

// Chunks cuts files into chunks of about size bytes.
func Chunks(files []File, size int64) []Chunk {
	var chunks []Chunk
	for _, f := range files {
		if f.Format != Plain {
			chunks = append(chunks, Chunk{File: f, End: f.Size})
			continue
		}
		for at, part := int64(0), int64(0); at < f.Size; at, part = at+size, part+1 {
			chunks = append(chunks, Chunk{File: f, Part: part, Start: at, End: min(at+size, f.Size)})
		}
	}
	return chunks
}

// Read calls emit with the records of a chunk, in one batch or, from a compressed file, in several. read is told of the bytes
// that were read from the file.
func (c Chunk) Read(read func(n int64), emit func(record.Batch) error) error {
	f, err := os.Open(c.Path)
	if err != nil {
		return fmt.Errorf("file: open: %w", err)
	}
	defer f.Close()
	if c.Format != Plain {
		return c.unpack(f, read, emit)
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	data, offset, err := lines(f, c.Start, c.End, buf)
	if err != nil {
		return fmt.Errorf("file: read %s: %w", c.Path, err)
	}
	read(c.End - c.Start)
	b := record.Batch{Source: Source, Name: c.Path, Data: data, Part: c.Part, Plain: true, Offset: offset}
	if c.Start == 0 {
		b.FirstLine = 1
	}
	return emit(b)
}

// buffers holds the memory of chunks: fresh memory for each would cost more than reading them.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// lines returns the lines that begin in [start, end) and where the first of them begins. It uses the memory of mem.
func lines(f io.ReaderAt, start, end int64, mem *[]byte) (data []byte, offset int64, err error) {
	from := max(start-1, 0) // the byte before tells whether a line begins at start
	buf := (*mem)[:0]
	if int64(cap(buf)) < end-from {
		buf = make([]byte, 0, end-from+64<<10)
	}
	defer func() { *mem = buf[:0] }()
	buf = buf[:end-from]
	n, err := f.ReadAt(buf, from)
	if err != nil && err != io.EOF {
		return nil, 0, err
	}
	buf = buf[:n]
	skip := 0
	if start > 0 {
		skip = bytes.IndexByte(buf, '\n') + 1
		if skip == 0 || skip == len(buf) {
			return nil, end, nil // the middle of a line that began before
		}
	}
	for at := from + int64(n); n > 0 && buf[len(buf)-1] != '\n'; at += int64(n) {
		const more = 64 << 10
		old := len(buf)
		buf = append(buf, make([]byte, more)...)
		if n, err = f.ReadAt(buf[old:], at); err != nil && err != io.EOF {
			return nil, 0, err
		}
		buf = buf[:old+n]
		if i := bytes.IndexByte(buf[old:], '\n'); i >= 0 {
			buf = buf[:old+i+1]
			break
		}
	}
	return buf[skip:], from + int64(skip), nil
}

// unpack reads a compressed file from its start.
func (c Chunk) unpack(f io.Reader, read func(int64), emit func(record.Batch) error) error {
	counted := &counter{r: f, read: read}
	var r io.Reader
	var err error
	if c.Format == Gzip {
		r, err = gzip.NewReader(counted)
	} else {
		var z *zstd.Decoder
		if z, err = zstd.NewReader(counted, zstd.WithDecoderConcurrency(1)); err == nil {
			defer z.Close()
			r = z
		}
	}
	b := record.Batch{Source: Source, Name: c.Path, FirstLine: 1}
	var rest []byte
	for err == nil {
		buf := make([]byte, ChunkSize+len(rest))
		n := copy(buf, rest)
		var m int
		m, err = io.ReadFull(r, buf[n:])
		buf = buf[:n+m]
		rest = nil
		if err == nil {
			i := bytes.LastIndexByte(buf, '\n')
			buf, rest = buf[:i+1], buf[i+1:]
			if i < 0 {
				continue
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && !truncated(r) {
			b.Data = buf
			return emit(b)
		}
		b.Data = buf
		if err == nil {
			if e := emit(b); e != nil {
				return e
			}
			b.FirstLine += int64(bytes.Count(buf, []byte{'\n'}))
		}
	}
	b.Broken = fmt.Sprintf("the archive cannot be read on: %v; what came before was used", err)
	return emit(b)
}

// truncated tells whether an archive ends before its end: reading on says so again, at the true end it says io.EOF.
func truncated(r io.Reader) bool {
	var one [1]byte
	_, err := r.Read(one[:])
	return !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

type counter struct {
	r    io.Reader
	read func(int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read(int64(n))
	return n, err
}
