package storagewrite

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

// A Mutation is what happens to the row of a table that has the same primary key.
type Mutation struct {
	Row      []byte   // a message of the table's descriptor, serialized
	Sequence []uint64 // its sequence number: one to four sections, compared from left to right; empty for none
	Delete   bool     // the row goes away; else it is inserted or replaced
}

// A Refused is a mutation that BigQuery does not take.
type Refused struct {
	Mutation Mutation
	Reason   string // in BigQuery's words, or that the row is too large
}

// maxSections is how many sections a sequence number may have
// (https://cloud.google.com/bigquery/docs/change-data-capture#manage_custom_ordering).
const maxSections = 4

// digits is how many hexadecimal digits a section is written with.
const digits = 16

// appendSequence appends a sequence number as BigQuery reads it.
func appendSequence(b []byte, sections []uint64) []byte {
	const hex = "0123456789ABCDEF"
	for i, s := range sections {
		if i > 0 {
			b = append(b, '/')
		}
		for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
			b = append(b, hex[s>>shift&15])
		}
	}
	return b
}

// parseSequence reads what appendSequence wrote.
func parseSequence(b []byte) (sections []uint64) {
	for ; len(b) >= digits; b = b[min(len(b), digits+1):] {
		var s uint64
		for _, c := range b[:digits] {
			d := c - '0'
			if c >= 'A' {
				d = c - 'A' + 10
			}
			s = s<<4 | uint64(d)
		}
		sections = append(sections, s)
	}
	return sections
}

// sequenceSize is the length of a sequence number.
func sequenceSize(sections int) int { return sections*(digits+1) - 1 }

func init() {
	beam.RegisterCoder(reflect.TypeFor[Mutation](), encodeMutation, decodeMutation)
	beam.RegisterCoder(reflect.TypeFor[Refused](), encodeRefused, decodeRefused)
}

// form is the form in which elements are stored by a runner.
const form = 1

var (
	errEncoding = errors.New("an element is cut, or is none")
	errForm     = errors.New("an element was stored by another version")
)

// body returns what is behind the form of an element.
func body(b []byte) ([]byte, error) {
	switch {
	case len(b) == 0:
		return nil, errEncoding
	case b[0] != form:
		return nil, fmt.Errorf("%w: it has form %d, and this one reads form %d", errForm, b[0], form)
	}
	return b[1:], nil
}

// encodeMutation writes the form, whether it is a delete, the sections, and the row.
func encodeMutation(m Mutation) []byte {
	b := append(make([]byte, 0, 3+8*len(m.Sequence)+len(m.Row)), form, 0, byte(len(m.Sequence)))
	if m.Delete {
		b[1] = 1
	}
	for _, s := range m.Sequence {
		b = binary.BigEndian.AppendUint64(b, s)
	}
	return append(b, m.Row...)
}

func decodeMutation(b []byte) (m Mutation, err error) {
	if b, err = body(b); err != nil {
		return m, err
	}
	if len(b) < 2 || len(b) < 2+8*int(b[1]) {
		return m, errEncoding
	}
	m.Delete = b[0] == 1
	n := int(b[1])
	b = b[2:]
	for range n {
		m.Sequence = append(m.Sequence, binary.BigEndian.Uint64(b))
		b = b[8:]
	}
	m.Row = b
	return m, nil
}

func encodeRefused(r Refused) ([]byte, error) {
	b, err := json.Marshal(r)
	return append([]byte{form}, b...), err
}

func decodeRefused(b []byte) (r Refused, err error) {
	if b, err = body(b); err != nil {
		return r, err
	}
	if err = json.Unmarshal(b, &r); err != nil {
		err = fmt.Errorf("%w: %w", errEncoding, err)
	}
	return r, err
}
