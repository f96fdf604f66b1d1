package simulate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"
)

func spoilt(c *Config) {
	c.Tasks, c.Accounts, c.Form = 600, 2, Mixed
	c.Disorder, c.Duplicates, c.Losses, c.Dirty, c.Joined = time.Hour, 0.05, 0.02, 0.03, 0.1
}

func digest(t *testing.T, c Config) [32]byte {
	t.Helper()
	h := sha256.New()
	if _, err := Write(context.Background(), c, h); err != nil {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}

func TestSameConfigGivesSameBytes(t *testing.T) {
	c := day(spoilt)
	first := digest(t, c)
	old := runtime.GOMAXPROCS(1)
	second := digest(t, c)
	runtime.GOMAXPROCS(old)
	if first != second {
		t.Error("output depends on GOMAXPROCS")
	}
	c.Seed++
	if digest(t, c) == first {
		t.Error("another seed gives the same output")
	}
}

func TestEventsAreDrawnExactly(t *testing.T) {
	for _, n := range []int{1, 7, 1000, 12_345} {
		c := day(func(c *Config) { c.Events = n; c.Hours = 0 })
		events, stats := draw(t, c)
		if len(events) != n || stats.Events != int64(n) {
			t.Errorf("wanted %d events, drew %d, stats say %d", n, len(events), stats.Events)
		}
	}
}

func TestTasksAreDrawnWithinTheWindow(t *testing.T) {
	c := day(func(c *Config) { c.Tasks = 300; c.Hours = 6; c.Start = c.Start.Add(9 * time.Hour) })
	events, stats := draw(t, c)
	if stats.Tasks < 300 || stats.Tasks > 360 {
		t.Errorf("300 contacts gave %d tasks", stats.Tasks)
	}
	end := c.Start.Add(6*time.Hour + time.Second).UnixMilli()
	for _, e := range events {
		if e.at < c.Start.UnixMilli() || e.at >= end {
			t.Fatalf("%s at %v lies outside the window", e.kind, time.UnixMilli(e.at).UTC())
		}
	}
}

func TestStatsCountWhatIsWritten(t *testing.T) {
	var buf bytes.Buffer
	stats, err := Write(context.Background(), day(spoilt), &buf)
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(buf.Len()); got != stats.Bytes {
		t.Errorf("%d bytes written, stats say %d", got, stats.Bytes)
	}
	if got := int64(bytes.Count(buf.Bytes(), []byte("\n"))); got != stats.Records-stats.Joined {
		t.Errorf("%d lines written, stats say %d records, %d of them behind others", got, stats.Records, stats.Joined)
	}
}

type brokenWriter struct{ left int }

func (w *brokenWriter) Write(b []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestErrorsEndTheDrawing(t *testing.T) {
	wish := errors.New("enough")
	n := 0
	_, err := Each(context.Background(), day(nil), func(Record) error {
		if n++; n == 100 {
			return wish
		}
		return nil
	})
	if !errors.Is(err, wish) || n != 100 {
		t.Errorf("callback's error after %d records: %v", n, err)
	}
	for left := range 3 {
		if _, err := Write(context.Background(), day(nil), &brokenWriter{left}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("writer's error after %d blocks: %v", left, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Write(ctx, day(nil), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled context: %v", err)
	}
}

func TestMemoryStaysBoundedWhileRecordsAreDelayed(t *testing.T) {
	c := day(func(c *Config) { c.Events = 60_000; c.Disorder = 4 * time.Hour; c.Duplicates = 0.1 })
	out := newDelivery(newScale(c).Config, func(Record) error { return nil })
	centre := newCentre(newScale(c), out)
	most := 0
	out.fn = func(Record) error { most = max(most, len(out.queue)); return nil }
	if err := centre.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if most > 6000 {
		t.Errorf("%d records were under way at once", most)
	}
}
