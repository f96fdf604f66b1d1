package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/telemetry"
)

// A clock stands until it is moved.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ms.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time            { return time.UnixMilli(c.ms.Load()) }
func (c *clock) ago(d time.Duration) int64 { return c.ms.Load() - d.Milliseconds() }
func (c *clock) pass(d time.Duration)      { c.ms.Add(d.Milliseconds()) }

// filled returns the buckets that hold more than the one before.
func filled(d telemetry.Distribution) map[string]uint64 {
	m := map[string]uint64{}
	last := uint64(0)
	for _, b := range []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 30, 60, 120, 300, 900, 3600, 14400, 86400} {
		if n, ok := d.Buckets[b]; ok {
			if n > last {
				m[fmt.Sprint(b)] = n - last
			}
			last = n
		}
	}
	if d.Count > last {
		m["more"] = d.Count - last
	}
	return m
}

func TestLatencyIsFromTheEventToTheEndOfTheFlushThatShowsIt(t *testing.T) {
	clock := newClock()
	c := telemetry.New(clock.now)
	c.Unbounded.Store(true)
	flush := func() error { clock.pass(time.Second); return nil }

	c.Observe(clock.ago(0))
	c.Observe(clock.ago(3 * time.Second))
	c.Observe(clock.ago(100 * time.Hour))
	c.Observe(clock.ago(-time.Minute)) // a clock elsewhere is ahead
	if got := c.Latency(); got.Count != 0 {
		t.Errorf("%d latencies before any flush", got.Count)
	}
	err := c.Flush(func() error {
		c.Observe(clock.ago(0)) // too late for this flush
		return flush()
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]uint64{"0.1": 1, "1": 1, "4": 1, "more": 1}, filled(c.Latency())); diff != "" {
		t.Error(diff)
	}
	if got, want := c.Latency().Sum, 1+4+100*3600+1.0; got != want {
		t.Errorf("sum %v, want %v", got, want)
	}
	clock.pass(time.Minute)
	if err := c.Flush(flush); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]uint64{"0.1": 1, "1": 1, "4": 1, "120": 1, "more": 1}, filled(c.Latency())); diff != "" {
		t.Error(diff)
	}
}

func TestAFailedFlushKeepsItsEventsWaiting(t *testing.T) {
	clock := newClock()
	c := telemetry.New(clock.now)
	c.Unbounded.Store(true)
	full := errors.New("disk full")
	c.Observe(clock.ago(0))
	for range 2 {
		if err := c.Flush(func() error { clock.pass(2 * time.Second); return full }); err != full {
			t.Errorf("got %v", err)
		}
	}
	if c.FlushFailures() != 2 || !c.LastFlush().IsZero() || c.Latency().Count != 0 || c.Flushes().Count != 2 {
		t.Errorf("%d failures, last %v, %d latencies, %d flushes", c.FlushFailures(), c.LastFlush(), c.Latency().Count, c.Flushes().Count)
	}
	if err := c.Flush(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]uint64{"4": 1}, filled(c.Latency())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]uint64{"0.001": 1, "2.5": 2}, filled(c.Flushes())); diff != "" {
		t.Error(diff)
	}
	if !c.LastFlush().Equal(clock.now()) {
		t.Errorf("last flush %v, want %v", c.LastFlush(), clock.now())
	}
}

func TestAFlushThatIsGivenUpIsNoFailure(t *testing.T) {
	c := new(telemetry.Counters)
	err := c.Flush(func() error { return fmt.Errorf("flush: %w", context.Canceled) })
	if !errors.Is(err, context.Canceled) || c.FlushFailures() != 0 || c.Flushes().Count != 0 || len(c.Faults(telemetry.DefaultLimits)) > 0 {
		t.Errorf("%v, %d failures, %d flushes, faults %v", err, c.FlushFailures(), c.Flushes().Count, c.Faults(telemetry.DefaultLimits))
	}
}

func TestABoundedJobKeepsNoLatencies(t *testing.T) {
	c := new(telemetry.Counters)
	c.Observe(1)
	if err := c.Flush(func() error { return nil }); err != nil || c.Latency().Count != 0 {
		t.Errorf("%v, %d latencies", err, c.Latency().Count)
	}
}

func TestEveryObservedEventIsCountedOnceHoweverManyWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := newClock()
		c := telemetry.New(clock.now)
		c.Unbounded.Store(true)
		want := uint64(0)
		for range rapid.IntRange(1, 4).Draw(t, "flushes") {
			n := rapid.IntRange(0, 300_000).Draw(t, "events")
			step := rapid.Int64Range(0, 3).Draw(t, "step")
			from := clock.ago(time.Hour)
			for i := range n {
				c.Observe(from + int64(i)*step)
			}
			fails := rapid.Bool().Draw(t, "fails")
			_ = c.Flush(func() error {
				if fails {
					return errors.New("fails")
				}
				return nil
			})
			want += uint64(n)
			if !fails && c.Latency().Count != want {
				t.Fatalf("%d latencies of %d events", c.Latency().Count, want)
			}
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	c := telemetry.New(time.Now)
	c.Unbounded.Store(true)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := int64(0); pb.Next(); i++ {
			c.Observe(i)
			if i%100_000 == 0 {
				_ = c.Flush(func() error { return nil })
			}
		}
	})
}
