package decode

import (
	"bytes"
	"math"
	"strings"
	"unsafe"

	"flexbeam/internal/jsonscan"
	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
)

// view returns the bytes as a string without a copy. The bytes must not change while the string is
// in use: they belong to the record that is being decoded, or to memory that is never written
// again.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// text returns a JSON value as trimmed text. Numbers have no exponent, lists are joined, null and
// objects are empty (contract, sections 2.15 and 9).
func text(v []byte) string {
	if len(v) == 0 {
		return ""
	}
	switch v[0] {
	case '"':
		return view(bytes.TrimSpace(unquoted(v)))
	case 'n', '{':
		return ""
	case '[':
		return attribute.Join(v)
	case 't', 'f':
		return view(v)
	}
	return attribute.Plain(view(v))
}

// unquoted returns the text of a quoted string, in place where it holds no escape.
func unquoted(v []byte) []byte {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	return jsonscan.AppendUnquoted(make([]byte, 0, len(v)), v)
}

// instant returns a JSON value as a time in ms, event.None when it is missing or no time.
func instant(v []byte) event.Millis {
	if t, ok := event.ParseTime(text(v)); ok {
		return t
	}
	return event.None
}

// duration returns the time in the previous activity in ms: the ms field, else the seconds field.
func duration(ms, seconds []byte) event.Millis {
	if f, ok := amount(ms); ok {
		return event.Millis(math.Floor(f))
	}
	if f, ok := amount(seconds); ok {
		return event.Millis(math.Floor(f * 1000))
	}
	return event.None
}

func amount(v []byte) (float64, bool) {
	f, ok := attribute.Decimal(text(v))
	return max(f, 0), ok && f < 1e15
}

// tristate returns a JSON value as a boolean: true, 1, "true", "1" and their opposites in any case.
func tristate(v []byte) event.Tristate {
	switch s := text(v); {
	case s == "1" || strings.EqualFold(s, "true"):
		return event.Yes
	case s == "0" || strings.EqualFold(s, "false"):
		return event.No
	}
	return event.Unknown
}
