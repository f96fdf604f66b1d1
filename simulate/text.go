package simulate

import (
	"strconv"
	"time"
)

// text appends JSON to a byte slice. Every value is followed by a comma; closing an object or array
// takes the last one back.
type text struct {
	b      []byte
	quoted bool // numbers and booleans as strings, as the REST resource gives them
	shift  int64
	day    int64
	date   [11]byte // of day, as 2006-01-02T
}

func (x *text) key(k string) {
	x.b = append(x.b, '"')
	x.b = append(x.b, k...)
	x.b = append(x.b, '"', ':')
}

func (x *text) open(k string) { x.key(k); x.b = append(x.b, '{') }
func (x *text) begin()        { x.b = append(x.b, '{') }
func (x *text) close()        { x.end('}') }
func (x *text) list(k string) { x.key(k); x.b = append(x.b, '[') }
func (x *text) closeList()    { x.end(']') }
func (x *text) trim()         { x.b = x.b[:len(x.b)-1] } // the comma after the outermost value
func (x *text) item(v string) {
	x.b = append(x.b, '"')
	x.b = appendEscaped(x.b, v)
	x.b = append(x.b, '"', ',')
}
func (x *text) null(k string)   { x.key(k); x.b = append(x.b, "null,"...) }
func (x *text) bare(v string)   { x.b = append(x.b, v...) }
func (x *text) raw(v []byte)    { x.b = append(x.b, v...) }
func (x *text) str(k, v string) { x.quote(k); x.b = appendEscaped(x.b, v); x.unquote() }

// plain is str for a value that needs no escape: SIDs, constants.
func (x *text) plain(k, v string) { x.quote(k); x.b = append(x.b, v...); x.unquote() }

// opt is str, left out when the value is empty.
func (x *text) opt(k, v string) {
	if v != "" {
		x.str(k, v)
	}
}

// escaped writes a string whose escapes are already there.
func (x *text) escaped(k string, v []byte) { x.quote(k); x.b = append(x.b, v...); x.unquote() }

func (x *text) int(k string, v int64) {
	x.key(k)
	if x.quoted {
		x.b = append(x.b, '"')
		x.b = strconv.AppendInt(x.b, v, 10)
		x.unquote()
		return
	}
	x.b = append(strconv.AppendInt(x.b, v, 10), ',')
}

func (x *text) decimal(k string, v float64, digits int) {
	x.key(k)
	if x.quoted {
		x.b = append(x.b, '"')
		x.b = strconv.AppendFloat(x.b, v, 'f', digits, 64)
		x.unquote()
		return
	}
	x.b = append(strconv.AppendFloat(x.b, v, 'f', digits, 64), ',')
}

func (x *text) bool(k string, v bool) {
	x.key(k)
	s := "false,"
	switch {
	case x.quoted && v:
		s = `"true",`
	case x.quoted:
		s = `"false",`
	case v:
		s = "true,"
	}
	x.b = append(x.b, s...)
}

func (x *text) sid(k, prefix string, id sid128) {
	x.quote(k)
	x.b = append(x.b, prefix...)
	x.b = id.appendHex(x.b)
	x.unquote()
}

// time writes milliseconds since the epoch, shifted, as ISO 8601 with milliseconds.
func (x *text) time(k string, ms int64) { x.quote(k); x.stamp(ms, true); x.unquote() }

func (x *text) stamp(ms int64, millis bool) {
	const dayMs = 24 * hour
	ms += x.shift
	day := ms / dayMs
	if day != x.day || x.date[0] == 0 {
		x.day = day
		time.UnixMilli(ms).UTC().AppendFormat(x.date[:0], "2006-01-02T")
	}
	n := ms - day*dayMs
	h, m, s, f := n/hour, n/minute%60, n/second%60, n%second
	x.b = append(x.b, x.date[:]...)
	x.b = append(x.b, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10))
	if millis {
		x.b = append(x.b, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
	}
	x.b = append(x.b, 'Z')
}

func (x *text) quote(k string) {
	x.b = append(x.b, '"')
	x.b = append(x.b, k...)
	x.b = append(x.b, '"', ':', '"')
}

func (x *text) unquote() { x.b = append(x.b, '"', ',') }

func (x *text) end(c byte) {
	if x.b[len(x.b)-1] == ',' {
		x.b[len(x.b)-1] = c
	} else {
		x.b = append(x.b, c)
	}
	x.b = append(x.b, ',')
}
