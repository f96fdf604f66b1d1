// Package jsonscan walks JSON text in place: it finds where members and values lie, checks the
// grammar on the way, and allocates nothing.
//
// It accepts exactly the texts that encoding/json accepts, with the same limit of depth. Only UTF-8
// is not checked: the caller checks it for the whole record at once. Values are handed out as slices of
// the input. Why it exists beside the general decoders: docs/adr/0003-json-decoder.md.
package jsonscan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest, as in encoding/json.
const MaxDepth = 10000

// ErrSyntax is the error behind every error of this package.
var ErrSyntax = errors.New("invalid JSON")

func syntax(i int, what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrSyntax, what, i)
}

// Space returns the index of the first byte at or behind i that is no JSON white space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// Between returns the index of the first byte at or behind i that belongs to a value: it passes what
// may stand in front of a value that is a text of its own, which is white space of any kind and byte
// order marks.
func Between(b []byte, i int) int {
	for i < len(b) {
		if c := b[i]; c < utf8.RuneSelf {
			if c != ' ' && (c < '\t' || c > '\r') {
				return i
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r != byteOrderMark && !unicode.IsSpace(r) {
			return i
		}
		i += n
	}
	return i
}

const byteOrderMark = '\uFEFF'

// Value returns the index behind the value that starts at b[i]. depth is the number of arrays and
// objects around it. The error wraps ErrSyntax when there is no JSON value.
func Value(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return i, syntax(i, "the text ends where a value is due")
	}
	switch c := b[i]; {
	case c == '"':
		end, _, err := String(b, i)
		return end, err
	case c == '{':
		o := OpenObject(b, i, depth)
		for o.Next() {
			o.Skip()
		}
		return o.End()
	case c == '[':
		a := OpenArray(b, i, depth)
		for a.Next() {
			a.Skip()
		}
		return a.End()
	case c == '-' || c-'0' <= 9:
		return number(b, i)
	case c == 't':
		return literal(b, i, "true")
	case c == 'f':
		return literal(b, i, "false")
	case c == 'n':
		return literal(b, i, "null")
	}
	return i, syntax(i, "no value starts so")
}

func literal(b []byte, i int, word string) (int, error) {
	if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
		return i + len(word), nil
	}
	return i, syntax(i, "no value starts so")
}

func number(b []byte, i int) (int, error) {
	if b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b) || b[i]-'0' > 9:
		return i, syntax(i, "a number without digits")
	case b[i] == '0':
		i++
	default:
		i = digits(b, i)
	}
	if i < len(b) && b[i] == '.' {
		j := digits(b, i+1)
		if j == i+1 {
			return j, syntax(j, "a number without digits behind its point")
		}
		i = j
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		j := digits(b, i)
		if j == i {
			return j, syntax(j, "a number without digits in its exponent")
		}
		i = j
	}
	return i, nil
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = '"' * ones
	slash  = '\\' * ones
	blanks = ' ' * ones
)

// String returns the index behind the string that starts with the quote at b[i], and whether it
// holds escapes. The error wraps ErrSyntax when the string does not end or has a wrong escape.
func String(b []byte, i int) (end int, escaped bool, err error) {
	i++
	for {
		// Eight bytes at a time: the lowest marked byte is the first quote, backslash or control
		// character.
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			q, s := x^quotes, x^slash
			m := ((q-ones)&^q | (s-ones)&^s | (x-blanks)&^x) & highs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
			if b[i] == '"' {
				return i + 1, escaped, nil
			}
			if b[i] != '\\' || i+1 >= len(b) || !simple[b[i+1]] {
				break
			}
			escaped = true
			i += 2
		}
		for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
			i++
		}
		if i >= len(b) {
			return i, escaped, syntax(i, "a string without end")
		}
		switch b[i] {
		case '"':
			return i + 1, escaped, nil
		case '\\':
			escaped = true
			n := escape(b, i)
			if n == 0 {
				return i, escaped, syntax(i, "an unknown escape")
			}
			i += n
		default:
			return i, escaped, syntax(i, "a control character in a string")
		}
	}
}

// simple marks the bytes that make an escape of two bytes.
var simple = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

// escape returns the length of the escape at b[i], 0 if it is none.
func escape(b []byte, i int) int {
	if i+1 >= len(b) {
		return 0
	}
	if simple[b[i+1]] {
		return 2
	}
	if b[i+1] != 'u' || i+6 > len(b) {
		return 0
	}
	for _, c := range b[i+2 : i+6] {
		if hexDigit(c) > 15 {
			return 0
		}
	}
	return 6
}

func hexDigit(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c-'a' <= 5:
		return c - 'a' + 10
	case c-'A' <= 5:
		return c - 'A' + 10
	}
	return 255
}
