package main

import (
	"encoding/binary"

	"flexbeam/internal/statedisk"
)

// Both embedded stores keep a record as pieces, which Append adds to, and a spilled value under a
// number that rises: its head and, apart from it, the value, so that at a start only heads are
// read.

// The first byte of a key, or the name of a bucket.
const (
	ofRecord = 'k'
	ofHead   = 'h'
	ofValue  = 'v'
)

// refOf returns the Ref of a numbered value.
func refOf(number uint64, length int) statedisk.Ref {
	return statedisk.Ref{Segment: uint32(number >> 32), Offset: uint32(number), Length: uint32(length)}
}

func numberOf(r statedisk.Ref) uint64 { return uint64(r.Segment)<<32 | uint64(r.Offset) }

func numbered(first byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{first}, number)
}

// piece is a Put or Append change as a record has it.
func piece(b []byte, c statedisk.Change) []byte {
	b = binary.AppendUvarint(append(b, byte(c.Op)), uint64(len(c.Value)))
	return append(b, c.Value...)
}

// headOf is what is kept of a spilled value's head, with the value's length.
func headOf(c statedisk.Change) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(c.Value))), c.Key...)
}

// eachPiece calls f with the changes that a record's pieces are.
func eachPiece(key, pieces []byte, f func(statedisk.Change) error) error {
	for len(pieces) > 0 {
		n, w := binary.Uvarint(pieces[1:])
		end := 1 + w + int(n)
		if err := f(statedisk.Change{Op: statedisk.Op(pieces[0]), Key: key, Value: pieces[1+w : end]}); err != nil {
			return err
		}
		pieces = pieces[end:]
	}
	return nil
}

// spilled is the change that brings a spilled value back.
func spilled(number uint64, head []byte) statedisk.Change {
	length, w := binary.Uvarint(head)
	return statedisk.Change{Op: statedisk.Spill, Key: head[w:], Ref: refOf(number, int(length))}
}

// noRelease is what Restore is given to release a value with: here nothing takes the place of one
// that came back.
func noRelease(statedisk.Ref) { panic("a record has the place of a spilled value that is kept") }
