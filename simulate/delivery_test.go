package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"testing"
	"time"
	"unicode/utf8"
)

func TestImperfectionsComeInTheirShares(t *testing.T) {
	tests := []struct {
		name  string
		set   func(*Config)
		share func(Stats) int64
	}{
		{"duplicates", func(c *Config) { c.Duplicates = 0.10 }, func(s Stats) int64 { return s.Duplicates }},
		{"losses", func(c *Config) { c.Losses = 0.10 }, func(s Stats) int64 { return s.Lost }},
		{"dirty", func(c *Config) { c.Dirty = 0.10 }, func(s Stats) int64 { return s.Dirty }},
		{"joined", func(c *Config) { c.Joined = 0.10 }, func(s Stats) int64 { return s.Joined }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := day(tt.set)
			stats, err := Each(context.Background(), c, func(Record) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			if share := float64(tt.share(stats)) / float64(stats.Events); math.Abs(share-0.10) > 0.01 {
				t.Errorf("share %.3f instead of 0.10", share)
			}
			if want := stats.Events + stats.Duplicates + stats.Dirty - stats.Lost; stats.Records != want {
				t.Errorf("%d records, %d expected", stats.Records, want)
			}
		})
	}
}

func TestImperfectionsDoNotChangeTheHistory(t *testing.T) {
	small := func(c *Config) { c.Tasks = 400 }
	clean, _ := draw(t, day(small))
	want := map[string]bool{}
	for _, e := range clean {
		want[e.key()] = true
	}
	c := day(small)
	c.Disorder, c.Duplicates, c.Losses, c.Joined = 2*time.Hour, 0.2, 0.1, 0.2
	got, stats := draw(t, c)
	distinct := map[string]bool{}
	for _, e := range got {
		if !want[e.key()] {
			t.Fatalf("%s is not in the clean history", e.key())
		}
		distinct[e.key()] = true
	}
	if n := stats.Events - stats.Lost; int64(len(distinct)) != n {
		t.Errorf("%d distinct events arrived, %d expected", len(distinct), n)
	}
}

func TestRecordsComeInOrderOfArrival(t *testing.T) {
	for _, form := range []Form{Object, Webhook, Mixed} {
		for _, disorder := range []time.Duration{0, 3 * time.Second, 4 * time.Hour} {
			c := day(func(c *Config) { c.Tasks, c.Form, c.Disorder, c.Duplicates = 300, form, disorder, 0.05 })
			var last time.Time
			late, n := 0, 0
			_, err := Each(context.Background(), c, func(r Record) error {
				if r.Arrival.Before(last) {
					t.Fatalf("%s, disorder %v: arrival %v after %v", form, disorder, r.Arrival, last)
				}
				last = r.Arrival
				events, err := decode(r.Text)
				if err != nil {
					return err
				}
				for _, e := range events {
					n++
					wait := r.Arrival.Sub(time.UnixMilli(e.at))
					if wait < 0 || wait > disorder+max(disorder, time.Minute)+time.Duration(batchTime+1)*time.Millisecond {
						t.Fatalf("%s, disorder %v: delayed by %v", form, disorder, wait)
					}
					if wait > disorder/20 && wait > time.Second {
						late++
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if disorder == 4*time.Hour && (late < n/25 || late > n/4) {
				t.Errorf("%s: %d of %d records are late", form, late, n)
			}
		}
	}
}

func TestBrokenRecordsAreBroken(t *testing.T) {
	for _, form := range []Form{Object, String, REST, Webhook, Mixed} {
		c := day(func(c *Config) { c.Tasks, c.Form, c.Dirty = 400, form, 0.2 })
		var cut, utf, sound int64
		stats, err := Each(context.Background(), c, func(r Record) error {
			for _, b := range r.Text {
				if b == '\n' {
					t.Fatalf("line break inside %s", r.Text)
				}
			}
			switch {
			case !json.Valid(r.Text):
				cut++
			case !utf8.Valid(r.Text):
				utf++
			default:
				sound++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := float64(stats.Dirty) * 0.22; math.Abs(float64(cut)-want) > want/3 {
			t.Errorf("%s: %d records cut off, %.0f expected", form, cut, want)
		}
		if want := float64(stats.Dirty) * 0.10; math.Abs(float64(utf)-want) > want/2 {
			t.Errorf("%s: %d records with invalid UTF-8, %.0f expected", form, utf, want)
		}
		if sound == 0 {
			t.Errorf("%s: nothing is sound", form)
		}
	}
}

// What stands behind a broken record on a line would be lost with it.
func TestJoinedRecordsStandBehindSoundOnes(t *testing.T) {
	for _, form := range []Form{Object, Mixed} {
		c := day(func(c *Config) { c.Tasks, c.Form, c.Dirty, c.Joined = 400, form, 0.2, 0.5 })
		var records, longest, blanks int64
		stats, err := Each(context.Background(), c, func(r Record) error {
			n := int64(0)
			for d := json.NewDecoder(bytes.NewReader(r.Text)); ; {
				var value json.RawMessage
				if err := d.Decode(&value); errors.Is(err, io.EOF) {
					break
				} else if n++; err != nil { // the rest of the line is one record
					break
				}
				rest := r.Text[d.InputOffset():]
				if !utf8.Valid(value) && len(rest) > 0 {
					t.Fatalf("%s: something stands behind a record that is not UTF-8: %s", form, rest)
				}
				if bytes.HasPrefix(rest, []byte{' '}) {
					blanks++
				}
			}
			records, longest = records+n, max(longest, n)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if records != stats.Records || stats.Joined == 0 || longest != mostJoined {
			t.Errorf("%s: %d records in the lines, up to %d on one: %+v", form, records, longest, stats)
		}
		if half := float64(blanks) / float64(stats.Joined); half < 0.4 || half > 0.6 {
			t.Errorf("%s: %.2f of the joined records have a blank in front", form, half)
		}
	}
}
