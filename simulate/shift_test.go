package simulate

import (
	"bytes"
	"context"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// written matches the times of a text: as ISO 8601, and as milliseconds.
var written = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z|"event_date_ms":"?\d+`)

// movedBy returns a text with all of its times moved.
func movedBy(text []byte, d time.Duration) []byte {
	return written.ReplaceAllFunc(text, func(s []byte) []byte {
		if name, digits, ok := bytes.Cut(s, []byte(":")); ok && name[0] == '"' {
			ms, err := strconv.ParseInt(string(bytes.TrimPrefix(digits, []byte(`"`))), 10, 64)
			if err != nil {
				panic(err)
			}
			return strconv.AppendInt(s[:len(s)-len(bytes.TrimPrefix(digits, []byte(`"`)))], ms+d.Milliseconds(), 10)
		}
		layout := "2006-01-02T15:04:05Z"
		if bytes.IndexByte(s, '.') >= 0 {
			layout = "2006-01-02T15:04:05.000Z"
		}
		at, err := time.Parse(layout, string(s))
		if err != nil {
			panic(err)
		}
		return at.Add(d).AppendFormat(nil, layout)
	})
}

func TestAShiftMovesAllTimesAndNothingElse(t *testing.T) {
	for _, d := range []time.Duration{36*24*time.Hour + 5*time.Hour + 17*time.Second, -3*time.Hour - time.Second} {
		for _, form := range []Form{Object, String, REST, Webhook} {
			c := day(func(c *Config) { c.Tasks, c.Form, c.Disorder, c.Duplicates = 400, form, time.Minute, 0.05 })
			type record struct {
				text    []byte
				arrival time.Time
			}
			var plain []record
			if _, err := Each(context.Background(), c, func(r Record) error {
				plain = append(plain, record{movedBy(r.Text, d), r.Arrival.Add(d)})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			c.Shift = d
			n := 0
			if _, err := Each(context.Background(), c, func(r Record) error {
				if want := plain[n]; !bytes.Equal(r.Text, want.text) || !r.Arrival.Equal(want.arrival) {
					t.Fatalf("%s, shifted by %v, record %d at %v, want %v:\n%s\nwant\n%s", form, d, n, r.Arrival, want.arrival, r.Text, want.text)
				}
				n++
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if n != len(plain) || n == 0 {
				t.Errorf("%s: %d records, %d without a shift", form, n, len(plain))
			}
		}
	}
}
