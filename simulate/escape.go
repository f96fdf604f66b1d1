package simulate

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

const hexDigits = "0123456789abcdef"

// escapes reports whether a JSON string cannot hold the byte as it is. Text beyond ASCII stays as
// UTF-8.
func escapes(c byte) bool { return c < 0x20 || c == '"' || c == '\\' }

// appendEscaped appends v as the inside of a JSON string.
func appendEscaped(dst []byte, v string) []byte {
	clean := 0
	for i := range len(v) {
		if escapes(v[i]) {
			dst = appendEscape(append(dst, v[clean:i]...), v[i])
			clean = i + 1
		}
	}
	return append(dst, v[clean:]...)
}

// appendEscapedText does the same for long texts full of quotes. It looks at eight bytes at a time
// and copies them all; what follows the first byte to escape is written over by the next round.
func appendEscapedText(dst, v []byte) []byte {
	// The lowest byte that hit marks is always right; only bytes above it suffer from borrows.
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for len(v) >= 8 {
		dst = slices.Grow(dst, 8)
		n := len(dst)
		w := binary.LittleEndian.Uint64(v)
		binary.LittleEndian.PutUint64(dst[n:n+8], w)
		quote, slash := w^'"'*ones, w^'\\'*ones
		hit := ((w - 0x20*ones) | (quote - ones) | (slash - ones)) &^ w & highs
		if hit == 0 {
			dst, v = dst[:n+8], v[8:]
			continue
		}
		k := bits.TrailingZeros64(hit) / 8
		dst = dst[:n+k]
		dst = appendEscape(dst, v[k])
		v = v[k+1:]
	}
	for _, c := range v {
		if escapes(c) {
			dst = appendEscape(dst, c)
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
