package kinesisfake

import (
	"math/bits"
	"strconv"
)

// A sequence is the number of a record or of a place between records. Its decimal form has 56
// digits, as those of the service, and grows within a shard and from a shard to its children. Its
// 186 bits are, from the top: one, then
//
//	48 bits  when the shard was created, in milliseconds; with Options.NumbersAnew since the stream was
//	57 bits  the record's place in the shard, 1 for the first; 0 is the start of the shard
//	48 bits  when the record arrived
//	31 bits  the number of the shard
//	 1 bit   set for the place behind the record
type sequence struct {
	created uint64
	place   uint64
	ms      uint64
	shard   uint64
	behind  bool
}

const (
	msMask    = 1<<48 - 1
	placeMask = 1<<57 - 1
	shardMask = 1<<31 - 1
	topBit    = 1 << (185 - 128)
	ten19     = 1e19
)

func (q sequence) words() [3]uint64 {
	w0 := (q.shard&shardMask)<<1 | (q.ms&msMask)<<32
	if q.behind {
		w0 |= 1
	}
	return [3]uint64{
		w0,
		(q.ms&msMask)>>32 | q.place<<16,
		(q.place&placeMask)>>48 | (q.created&msMask)<<9 | topBit,
	}
}

// append adds the 56 digits to b.
func (q sequence) append(b []byte) []byte {
	w := q.words()
	var parts [2]uint64
	for i := range parts {
		var r uint64
		for j := 2; j >= 0; j-- {
			w[j], r = bits.Div64(r, w[j], ten19)
		}
		parts[i] = r
	}
	b = strconv.AppendUint(b, w[0], 10)
	for _, p := range [2]uint64{parts[1], parts[0]} {
		start := len(b)
		b = append(b, "0000000000000000000"...)
		for i := len(b) - 1; i >= start; i-- {
			b[i] = byte('0' + p%10)
			p /= 10
		}
	}
	return b
}

func (q sequence) String() string { return string(q.append(make([]byte, 0, 56))) }

// parseSequence reads a number that append has written.
func parseSequence(s string) (sequence, bool) {
	if len(s) != 56 {
		return sequence{}, false
	}
	var w [3]uint64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return sequence{}, false
		}
		carry := uint64(s[i] - '0')
		for j := range w {
			hi, lo := bits.Mul64(w[j], 10)
			var c uint64
			w[j], c = bits.Add64(lo, carry, 0)
			carry = hi + c
		}
	}
	if w[2]>>57 != 1 {
		return sequence{}, false
	}
	return sequence{
		created: w[2] >> 9 & msMask,
		place:   (w[2]<<48 | w[1]>>16) & placeMask,
		ms:      (w[1]<<32 | w[0]>>32) & msMask,
		shard:   w[0] >> 1 & shardMask,
		behind:  w[0]&1 == 1,
	}, true
}
