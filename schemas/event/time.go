package event

import (
	"math"
	"strings"
	"time"

	"flexbeam/schemas/attribute"
)

// ParseTime parses a time in any form that Twilio writes: ISO 8601 with or without milliseconds and
// zone (without: UTC), or an epoch number of seconds (below 10^11) or milliseconds (contract,
// section 9). ok is false for all else.
func ParseTime(s string) (t Millis, ok bool) {
	s = strings.TrimSpace(s)
	if t, ok := parseISO(s); ok {
		return t, true
	}
	f, ok := attribute.Decimal(s)
	if !ok {
		return 0, false
	}
	if f < 1e11 {
		f *= 1000
	}
	f = math.Floor(f + 1e-3) // 1772439300.412 s is not exact in binary
	if f < minMS || f > maxMS {
		return 0, false
	}
	return Millis(f), true
}

// Years 0001 to 9999: what every store takes.
const (
	minMS = -62135596800000
	maxMS = 253402300799999
)

// parseISO parses YYYY-MM-DD[(T| )hh:mm[:ss[.fff…]][zone]]; digits beyond milliseconds are cut.
func parseISO(s string) (Millis, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	y, ok1 := num(s[0:4])
	mo, ok2 := num(s[5:7])
	d, ok3 := num(s[8:10])
	if !ok1 || !ok2 || !ok3 || mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) || y < 1 {
		return 0, false
	}
	t := Millis(days(y, mo, d)) * 86400000
	s = s[10:]
	if s == "" {
		return t, true
	}
	if c := s[0]; c != 'T' && c != 't' && c != ' ' || len(s) < 6 || s[3] != ':' {
		return 0, false
	}
	h, ok1 := num(s[1:3])
	mi, ok2 := num(s[4:6])
	if !ok1 || !ok2 || h > 23 || mi > 59 {
		return 0, false
	}
	t += Millis(h)*3600000 + Millis(mi)*60000
	s = s[6:]
	if s != "" && s[0] == ':' {
		if len(s) < 3 {
			return 0, false
		}
		sec, ok := num(s[1:3])
		if !ok || sec > 59 {
			return 0, false
		}
		t += Millis(sec) * 1000
		s = s[3:]
		if s != "" && (s[0] == '.' || s[0] == ',') {
			i, unit := 1, Millis(100)
			for ; i < len(s) && s[i]-'0' <= 9; i++ {
				t += Millis(s[i]-'0') * unit
				unit /= 10
			}
			if i == 1 {
				return 0, false
			}
			s = s[i:]
		}
	}
	off, ok := zone(strings.TrimSpace(s))
	if !ok {
		return 0, false
	}
	t -= off
	return t, t >= minMS && t <= maxMS
}

// zone returns the offset of Z, ±hh, ±hhmm or ±hh:mm in ms.
func zone(s string) (Millis, bool) {
	if s == "" || s == "Z" || s == "z" {
		return 0, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	var h, m int
	ok := false
	ok2 := true
	switch {
	case len(s) == 3:
		h, ok = num(s[1:3])
	case len(s) == 5:
		h, ok = num(s[1:3])
		m, ok2 = num(s[3:5])
	case len(s) == 6 && s[3] == ':':
		h, ok = num(s[1:3])
		m, ok2 = num(s[4:6])
	}
	if !ok || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	off := Millis(h)*3600000 + Millis(m)*60000
	if s[0] == '-' {
		off = -off
	}
	return off, true
}

func num(s string) (n int, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func daysIn(y, m int) int {
	if m == 2 && (y%4 == 0 && y%100 != 0 || y%400 == 0) {
		return 29
	}
	return [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[m-1]
}

// days returns the number of days from 1970-01-01 to a date of the Gregorian calendar.
func days(y, m, d int) int64 {
	if y >= 1970 && y < 2100 { // no century in between that is no leap year
		n := (y-1970)*365 + (y-1969)/4
		for k := 1; k < m; k++ {
			n += daysIn(y, k)
		}
		return int64(n + d - 1)
	}
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}
