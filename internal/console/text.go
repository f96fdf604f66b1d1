package console

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// Number returns n with a comma between thousands.
func Number(n int64) string { return humanize.Comma(n) }

// Bytes returns a size in decimal units: 999 B, 1.2 kB, 640 MB.
func Bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n)/1000, 0
	for v >= 999.5 && unit < 4 {
		v, unit = v/1000, unit+1
	}
	digits := 0
	if v < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + [...]string{"kB", "MB", "GB", "TB", "PB"}[unit]
}

// Count returns a number in at most five characters: 999, 1.2k, 151k, 3.4M.
func Count(n int64) string {
	v := float64(n)
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v < u.size*0.9995 {
			continue
		}
		if v < 9.95*u.size {
			return strconv.FormatFloat(v/u.size, 'f', 1, 64) + u.name
		}
		return strconv.FormatFloat(v/u.size, 'f', 0, 64) + u.name
	}
	return strconv.FormatInt(n, 10)
}

// Duration returns a time that passed: 0.42 s, 12.3 s, 4 min 05 s, 2 h 07 min.
func Duration(d time.Duration) string {
	switch {
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < 99500*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		s := int64(d.Round(time.Second) / time.Second)
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	}
	m := int64(d.Round(time.Minute) / time.Minute)
	return fmt.Sprintf("%d h %02d min", m/60, m%60)
}

// Age returns a time that passed, roughly: 0.4 s, 12 s, 12 min, 4.1 h, 3 d.
func Age(d time.Duration) string {
	switch {
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 99500*time.Millisecond:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 99*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return fmt.Sprintf("%.0f d", d.Hours()/24)
}

// clock returns a time that is left: 0:04, 12:30, 1:02:03.
func clock(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
