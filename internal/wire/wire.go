// Package wire encodes what a runner stores for a job: elements, restrictions and states. Each value
// begins with a byte that tells its form, so that an update of the job reads what the one before it
// stored, or says that it cannot.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The errors of a Reader.
var (
	ErrForm = errors.New("stored by another version of flexbeam")
	ErrCut  = errors.New("an encoding is cut, or is none")
)

// A Writer appends parts to an encoding.
type Writer []byte

// New returns a Writer of a value in a form, with room for about size bytes.
func New(form byte, size int) Writer { return append(make(Writer, 0, size+1), form) }

// Number appends numbers.
func (w *Writer) Number(numbers ...int64) {
	for _, n := range numbers {
		*w = binary.AppendVarint(*w, n)
	}
}

// Text appends texts with their lengths.
func (w *Writer) Text(texts ...string) {
	for _, t := range texts {
		*w = append(binary.AppendUvarint(*w, uint64(len(t))), t...)
	}
}

// Bytes appends bytes with their length.
func (w *Writer) Bytes(b []byte) {
	*w = append(binary.AppendUvarint(*w, uint64(len(b))), b...)
}

// Flag appends a truth.
func (w *Writer) Flag(is bool) {
	b := byte(0)
	if is {
		b = 1
	}
	*w = append(*w, b)
}

// A Reader reads the parts of an encoding in the order in which they were appended. Behind the first
// error it gives zeros.
type Reader struct {
	rest []byte
	err  error
}

// Read returns a Reader of a value that must be in a form. name is that of the value, for errors.
func Read(name string, form byte, b []byte) *Reader {
	switch {
	case len(b) == 0:
		return &Reader{err: fmt.Errorf("%s: %w: it is empty", name, ErrCut)}
	case b[0] != form:
		return &Reader{err: FormError(name, b[0], form)}
	}
	return &Reader{rest: b[1:]}
}

// FormError returns the error of a value whose form is not the one that is read.
func FormError(name string, is, want byte) error {
	return fmt.Errorf("%s: %w: it has form %d, and this version reads form %d: go on with the version that wrote it, or begin the job anew",
		name, ErrForm, is, want)
}

// End returns the first error; ErrCut too if something is left.
func (r *Reader) End() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail()
	}
	return r.err
}

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Rest returns what was not read yet.
func (r *Reader) Rest() []byte { return r.rest }

func (r *Reader) fail() {
	if r.err == nil {
		r.err = ErrCut
	}
	r.rest = nil
}

// Number reads a number.
func (r *Reader) Number() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Count reads how many parts follow, each of a byte at least.
func (r *Reader) Count() int {
	n := r.Number()
	if n < 0 || n > int64(len(r.rest)) {
		r.fail()
		return 0
	}
	return int(n)
}

// Bytes reads bytes, as a slice of what is read.
func (r *Reader) Bytes() []byte {
	size, n := binary.Uvarint(r.rest)
	if n <= 0 || size > uint64(len(r.rest)-n) {
		r.fail()
		return nil
	}
	b := r.rest[n : n+int(size) : n+int(size)]
	r.rest = r.rest[n+int(size):]
	return b
}

// Text reads a text.
func (r *Reader) Text() string { return string(r.Bytes()) }

// Flag reads a truth.
func (r *Reader) Flag() bool {
	if len(r.rest) == 0 || r.rest[0] > 1 {
		r.fail()
		return false
	}
	is := r.rest[0] == 1
	r.rest = r.rest[1:]
	return is
}
