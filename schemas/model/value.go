package model

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Type is the type of a column, in BigQuery's terms.
type Type uint8

// The column types. The zero Type is the type of a null Value.
const (
	Null      Type = iota
	String         // STRING, VARCHAR
	Timestamp      // TIMESTAMP with millisecond resolution, UTC
	Float          // FLOAT64, DOUBLE
	Int            // INT64, BIGINT
	Bool           // BOOL, BOOLEAN
	Bytes          // BYTES, BLOB
)

// A Value is one cell. The zero Value is null.
type Value struct {
	Type Type
	Str  string // String and Bytes
	Num  int64  // Timestamp: milliseconds since 1970; Int; Bool: 0 or 1; Float: IEEE 754 bits
}

// A Row is one row of a table, a Value for each of its columns in order.
type Row []Value

// Text returns a STRING value; the empty string is null.
func Text(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{Type: String, Str: s}
}

// ValidText returns a text as every store has it: as valid UTF-8, with U+FFFD in the place of what is not.
func ValidText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// ValidTexts returns texts as ValidText does.
func ValidTexts(texts []string) []string {
	valid := make([]string, len(texts))
	for i, s := range texts {
		valid[i] = ValidText(s)
	}
	return valid
}

// Millis returns a TIMESTAMP from milliseconds since 1970 UTC.
func Millis[T ~int64](ms T) Value { return Value{Type: Timestamp, Num: int64(ms)} }

// Seconds returns a FLOAT64 number of seconds from a duration in milliseconds.
func Seconds[T ~int64](ms T) Value { return Number(float64(ms) / 1000) }

// Number returns a FLOAT64 value.
func Number(f float64) Value { return Value{Type: Float, Num: int64(math.Float64bits(f))} }

// Integer returns an INT64 value.
func Integer(n int64) Value { return Value{Type: Int, Num: n} }

// Boolean returns a BOOL value.
func Boolean(b bool) Value {
	if b {
		return Value{Type: Bool, Num: 1}
	}
	return Value{Type: Bool}
}

// Blob returns a BYTES value; nil is null.
func Blob(b []byte) Value {
	if b == nil {
		return Value{}
	}
	return Value{Type: Bytes, Str: string(b)}
}

// IsNull tells whether v is null.
func (v Value) IsNull() bool { return v.Type == Null }

// Float64 returns the number in a Float value.
func (v Value) Float64() float64 { return math.Float64frombits(uint64(v.Num)) }

// Time returns the time in a Timestamp value, in UTC.
func (v Value) Time() time.Time { return time.UnixMilli(v.Num).UTC() }

// TimeLayout is how a Timestamp is written as text: ISO 8601 in UTC with milliseconds.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// String returns the value as text, for messages and tests; null is the empty string.
func (v Value) String() string {
	switch v.Type {
	case String:
		return v.Str
	case Timestamp:
		return v.Time().Format(TimeLayout)
	case Float:
		return strconv.FormatFloat(v.Float64(), 'f', -1, 64)
	case Int:
		return strconv.FormatInt(v.Num, 10)
	case Bool:
		return strconv.FormatBool(v.Num != 0)
	case Bytes:
		return base64.StdEncoding.EncodeToString([]byte(v.Str))
	}
	return ""
}

// AppendJSON appends the value as JSON: timestamps in TimeLayout, bytes in base64.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.Type {
	case Null:
		return append(b, "null"...)
	case Float:
		if f := v.Float64(); math.IsNaN(f) || math.IsInf(f, 0) {
			return append(b, "null"...)
		}
		return append(b, v.String()...)
	case Int, Bool:
		return append(b, v.String()...)
	case String:
		return appendQuoted(b, v.Str)
	}
	b = append(b, '"')
	b = append(b, v.String()...)
	return append(b, '"')
}

func appendQuoted(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			q, err := json.Marshal(s)
			if err != nil { // a string always marshals
				panic(err)
			}
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
