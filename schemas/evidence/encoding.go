package evidence

import (
	"encoding/binary"
	"errors"
)

// ErrCorrupt says that bytes are no counts.
var ErrCorrupt = errors.New("corrupt counts of what is missing")

// Append appends the encoding of counts: how many kinds there are, and each.
func (c Counts) Append(b []byte) []byte {
	b = append(b, byte(len(c)))
	for _, n := range c {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// Read reads counts and returns what is behind them. Kinds that are missing are 0; some may come that
// this version does not know.
func Read(b []byte) (c Counts, rest []byte, err error) {
	if len(b) == 0 {
		return c, nil, ErrCorrupt
	}
	kinds, b := int(b[0]), b[1:]
	for k := range kinds {
		n, w := binary.Varint(b)
		if w <= 0 {
			return Counts{}, nil, ErrCorrupt
		}
		if b = b[w:]; k < len(c) {
			c[k] = n
		}
	}
	return c, b, nil
}
