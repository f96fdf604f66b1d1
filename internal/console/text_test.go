package console

import (
	"testing"
	"time"
)

func TestNumbersReadEasily(t *testing.T) {
	tests := []struct {
		n                    int64
		number, bytes, count string
	}{
		{0, "0", "0 B", "0"},
		{7, "7", "7 B", "7"},
		{999, "999", "999 B", "999"},
		{1000, "1,000", "1.0 kB", "1.0k"},
		{9949, "9,949", "9.9 kB", "9.9k"},
		{9951, "9,951", "10 kB", "10k"},
		{151204, "151,204", "151 kB", "151k"},
		{999499, "999,499", "999 kB", "999k"},
		{999501, "999,501", "1.0 MB", "1.0M"},
		{1234567, "1,234,567", "1.2 MB", "1.2M"},
		{-1234567, "-1,234,567", "", ""},
		{640e6, "640,000,000", "640 MB", "640M"},
		{2100e6, "2,100,000,000", "2.1 GB", "2.1G"},
	}
	for _, tt := range tests {
		if got := Number(tt.n); got != tt.number {
			t.Errorf("Number(%d) = %q, want %q", tt.n, got, tt.number)
		}
		if tt.n < 0 {
			continue
		}
		if got := Bytes(tt.n); got != tt.bytes {
			t.Errorf("Bytes(%d) = %q, want %q", tt.n, got, tt.bytes)
		}
		if got := Count(tt.n); got != tt.count {
			t.Errorf("Count(%d) = %q, want %q", tt.n, got, tt.count)
		}
	}
}

func TestDurationsReadEasily(t *testing.T) {
	tests := []struct {
		d                time.Duration
		passed, due, age string
	}{
		{0, "0.00 s", "0:00", "0.0 s"},
		{420 * time.Millisecond, "0.42 s", "0:00", "0.4 s"},
		{9960 * time.Millisecond, "10.0 s", "0:10", "10 s"},
		{75 * time.Second, "75.0 s", "1:15", "75 s"},
		{245 * time.Second, "4 min 05 s", "4:05", "4 min"},
		{2*time.Hour + 7*time.Minute, "2 h 07 min", "2:07:00", "2.1 h"},
		{75 * time.Hour, "75 h 00 min", "75:00:00", "3 d"},
	}
	for _, tt := range tests {
		if got := Duration(tt.d); got != tt.passed {
			t.Errorf("Duration(%v) = %q, want %q", tt.d, got, tt.passed)
		}
		if got := Age(tt.d); got != tt.age {
			t.Errorf("Age(%v) = %q, want %q", tt.d, got, tt.age)
		}
		if got := clock(tt.d); got != tt.due {
			t.Errorf("clock(%v) = %q, want %q", tt.d, got, tt.due)
		}
	}
}
