package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"flexbeam/internal/jsonscan"
	"flexbeam/internal/mapped"
	"flexbeam/internal/objects"
	"flexbeam/schemas/record"
)

// ChunkSize is how much of a file becomes one batch, in bytes. Larger chunks make fewer elements,
// but more memory.
const ChunkSize = 16 << 20

// tailSize is how much is read behind a chunk at first, in bytes: its last line may go on there.
const tailSize = 64 << 10

// name names this source in dead letters.
const name = "file"

// A Chunk is a part of a file: the lines that begin in [Start, End). A file that is compressed, or
// whose values are spread over lines, is one chunk, read in pieces of about Size bytes.
type Chunk struct {
	File
	Part       int64
	Start, End int64
	Size       int64
}

// Chunks cuts files into chunks of about size bytes.
func Chunks(files []File, size int64) []Chunk {
	var chunks []Chunk
	for _, f := range files {
		if !f.Cuttable() {
			chunks = append(chunks, Chunk{File: f, End: f.Size, Size: size})
			continue
		}
		for at, part := int64(0), int64(0); at < f.Size; at, part = at+size, part+1 {
			chunks = append(chunks, Chunk{File: f, Part: part, Start: at, End: min(at+size, f.Size), Size: size})
		}
	}
	return chunks
}

// read calls emit with the records of a chunk of a file or of an object, as Read does.
func (c Chunk) read(ctx context.Context, client *objects.Client, read func(n int64), emit func(record.Batch) error) error {
	if objects.Is(c.Path) {
		return c.readObject(ctx, client, read, emit)
	}
	return c.Read(read, emit)
}

// Read calls emit with the records of a chunk of a file of this machine, in one batch or, from a file
// that cannot be cut, in several. read is told of the bytes that were read from the file.
func (c Chunk) Read(read func(n int64), emit func(record.Batch) error) error {
	f, err := os.Open(c.Path)
	if err != nil {
		return fmt.Errorf("file: open: %w", err)
	}
	defer f.Close()
	if !c.Cuttable() {
		return c.stream(f, read, emit)
	}
	err = mapped.Guard(func() error {
		data, offset, release, err := lines(f, c.Start, c.End)
		if err != nil {
			return err
		}
		defer release()
		read(c.End - c.Start)
		b := record.Batch{Source: name, Name: c.Path, Data: data, Part: c.Part, Plain: true, Offset: offset}
		if c.Start == 0 {
			b.FirstLine = 1
		}
		return emit(b)
	})
	if err != nil {
		return fmt.Errorf("file: read %s: %w", c.Path, err)
	}
	return nil
}

// lines returns the lines that begin in [start, end), where the first of them begins, and a
// function that gives their memory back.
func lines(f *os.File, start, end int64) (data []byte, offset int64, release func(), err error) {
	st, err := f.Stat()
	if err != nil {
		return nil, 0, nil, err
	}
	from := max(start-1, 0) // the byte before tells whether a line begins at start
	if end = min(end, st.Size()); end <= from {
		return nil, end, func() {}, nil
	}
	for tail := int64(tailSize); ; tail *= 16 {
		to := min(end+tail, st.Size())
		data, release, err = mapped.Map(f, from, int(to-from))
		if err != nil {
			return nil, 0, nil, err
		}
		last := end - 1 - from // the last byte in which a line can begin, or end
		i := bytes.IndexByte(data[last:], '\n')
		if i >= 0 || to == st.Size() {
			if i >= 0 {
				data = data[:last+int64(i)+1]
			}
			break
		}
		release()
	}
	skip := 0
	if start > 0 {
		skip = bytes.IndexByte(data, '\n') + 1
		if skip == 0 || from+int64(skip) >= end {
			release()
			return nil, end, func() {}, nil // the middle of a line that began before
		}
	}
	return data[skip:], from + int64(skip), release, nil
}

// readObject is Read of a part of an object.
func (c Chunk) readObject(ctx context.Context, client *objects.Client, read func(n int64), emit func(record.Batch) error) error {
	if !c.Cuttable() {
		r := client.Open(ctx, c.object(), 0, c.File.Size)
		defer r.Close()
		return c.stream(r, read, emit)
	}
	data, begins, err := c.fetch(ctx, client)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	read(c.End - c.Start)
	// The text of a record is not read again: it costs less to hash each than to ask for one.
	b := record.Batch{Source: name, Name: c.Path, Data: data, Part: c.Part}
	if c.Start == 0 {
		b.FirstLine = 1
	}
	if !begins {
		b.Data = nil
	}
	return emit(b)
}

// fetch returns the lines of an object that begin in the chunk; begins is false if none does.
func (c Chunk) fetch(ctx context.Context, client *objects.Client) (data []byte, begins bool, err error) {
	from := max(c.Start-1, 0) // the byte before tells whether a line begins at Start
	last := c.End - 1 - from  // the last byte in which a line can begin, or End
	for tail := int64(tailSize); ; tail *= 16 {
		at := from + int64(len(data))
		r := client.Open(ctx, c.object(), at, c.End+tail-at)
		more, err := io.ReadAll(r)
		if e := r.Close(); err == nil {
			err = e
		}
		if err != nil {
			return nil, false, err
		}
		data = append(data, more...)
		if i := bytes.IndexByte(data[last:], '\n'); i >= 0 {
			data = data[:last+int64(i)+1]
			break
		}
		if from+int64(len(data)) == c.File.Size {
			break
		}
	}
	if c.Start == 0 {
		return data, true, nil
	}
	skip := bytes.IndexByte(data, '\n') + 1
	return data[skip:], skip > 0 && from+int64(skip) < c.End, nil
}

// stream reads a file from its start.
func (c Chunk) stream(f io.Reader, read func(int64), emit func(record.Batch) error) error {
	in := &counter{r: f, read: read}
	r, release, err := unpacked(in, c.Format)
	if err == nil {
		defer release()
	}
	b := record.Batch{Source: name, Name: c.Path, FirstLine: 1, Values: c.Spread}
	whole := wholeLines
	if c.Spread {
		whole = wholeValues
	}
	var rest []byte
	for err == nil {
		buf := make([]byte, max(int(c.Size), len(rest))+len(rest))
		n := copy(buf, rest)
		var m int
		m, err = io.ReadFull(r, buf[n:])
		buf = buf[:n+m]
		rest = nil
		if err == nil {
			i := whole(buf)
			buf, rest = buf[:i], buf[i:]
			if i == 0 {
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
	if in.err != nil {
		err = in.err // the archive may be whole
	}
	if c.Format == Plain || in.err != nil {
		return fmt.Errorf("file: read %s: %w", c.Path, err)
	}
	b.Broken = fmt.Sprintf("the archive cannot be read on: %v; what came before was used: fetch it again, and run the same command again", err)
	return emit(b)
}

// wholeLines returns the length of the whole lines at the begin of b.
func wholeLines(b []byte) int { return bytes.LastIndexByte(b, '\n') + 1 }

// wholeValues returns the length of the lines at the begin of b that end no later than where a line
// ends between two JSON values.
func wholeValues(b []byte) (length int) {
	for i := 0; ; {
		start := jsonscan.Between(b, i)
		if n := bytes.LastIndexByte(b[i:start], '\n'); n >= 0 {
			length = i + n + 1
		}
		if start == len(b) {
			return length
		}
		end, err := jsonscan.Value(b, start, 0)
		if err != nil {
			return length
		}
		i = end
	}
}

// truncated tells whether an archive ends before its end: reading on says so again, at the true end
// it says io.EOF.
func truncated(r io.Reader) bool {
	var one [1]byte
	_, err := r.Read(one[:])
	return !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// A counter tells of the bytes that are read, and keeps why they cannot be read on.
type counter struct {
	r    io.Reader
	read func(int64)
	err  error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
