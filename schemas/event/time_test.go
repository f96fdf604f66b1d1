package event_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"flexbeam/schemas/event"
)

// TestTimesAreReadAsTheStandardLibraryReadsThem writes any time of the years 1 to 9999 in the forms
// of RFC 3339 and as a number.
func TestTimesAreReadAsTheStandardLibraryReadsThem(t *testing.T) {
	layouts := []string{time.RFC3339Nano, "2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.000-0700", "2006-01-02 15:04:05.000000Z07:00", "2006-01-02T15:04:05.000Z07"}
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(-62135510400000, 253402214399999).Draw(t, "ms")
		zone := time.FixedZone("", rapid.IntRange(-14, 14).Draw(t, "hours")*3600)
		at := time.UnixMilli(ms).In(zone)
		s := at.Format(rapid.SampledFrom(layouts).Draw(t, "layout"))
		if got, ok := event.ParseTime(s); !ok || got != event.Millis(ms) {
			t.Fatalf("%s: got %d, %v; want %d", s, got, ok, ms)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-03-02T08:00:00.412Z", "1772438400", "1e12", "2024-02-29", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-0000", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ms, ok := event.ParseTime(s)
		if want, err := time.Parse(time.RFC3339, s); err == nil && want.Year() > 0 && want.UTC().Year() > 0 && want.UTC().Year() < 10000 {
			if !ok || ms != event.Millis(want.UnixMilli()) {
				t.Fatalf("%q: got %d, %v; want %d", s, ms, ok, want.UnixMilli())
			}
		}
		if y := time.UnixMilli(int64(ms)).UTC().Year(); ok && (y < 1 || y > 9999) {
			t.Fatalf("%q: a time that no store takes: %d", s, ms)
		}
	})
}
