package telemetry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/telemetry"
)

func TestAJobThatStandsStillIsAtFault(t *testing.T) {
	flush := func(c *telemetry.Counters, err error) { _ = c.Flush(func() error { return err }) }
	tests := []struct {
		name   string
		does   func(*telemetry.Counters, *clock)
		checks string
		says   string
	}{
		{"nothing yet", func(c *telemetry.Counters, _ *clock) { c.Unbounded.Store(true) }, "", ""},
		{"files have no shards", func(_ *telemetry.Counters, now *clock) { now.pass(time.Hour) }, "", ""},
		{"no shard found", func(c *telemetry.Counters, now *clock) {
			c.Unbounded.Store(true)
			now.pass(2*time.Minute + time.Second)
		}, "poll", "no shard was found for 2m1s; the limit is 2m0s"},
		{"flush failed", func(c *telemetry.Counters, _ *clock) { flush(c, errors.New("disk full")) }, "flush", "disk full"},
		{"flush failed and then succeeded", func(c *telemetry.Counters, _ *clock) {
			flush(c, errors.New("disk full"))
			flush(c, nil)
		}, "", ""},
		{"polls", func(c *telemetry.Counters, now *clock) {
			now.pass(time.Hour)
			c.Shard("s", "0").Polled(now.now(), 0)
			now.pass(2 * time.Minute)
		}, "", ""},
		{"polls no more", func(c *telemetry.Counters, now *clock) {
			c.Shard("s", "0").Polled(now.now(), 0)
			now.pass(3 * time.Minute)
			c.Shard("s", "1").Polled(now.now(), 0)
		}, "poll", "shard 0 of s gave no successful poll for 3m0s"},
		{"polled long ago, as is told every minute", func(c *telemetry.Counters, now *clock) {
			last := now.now()
			for range 4 {
				c.Shard("s", "0").Polled(last, 0)
				now.pass(time.Minute)
			}
		}, "poll", "shard 0 of s gave no successful poll for 4m0s"},
		{"never polled", func(c *telemetry.Counters, now *clock) {
			c.Shard("s", "0")
			now.pass(3 * time.Minute)
		}, "poll", "shard 0 of s"},
		{"closed shards are not polled", func(c *telemetry.Counters, now *clock) {
			c.Shard("s", "0").Close()
			now.pass(time.Hour)
		}, "", ""},
		{"far behind, but catching up", func(c *telemetry.Counters, now *clock) {
			s := c.Shard("s", "0")
			for i := range 60 {
				now.pass(time.Minute)
				s.Polled(now.now(), int64(4*time.Hour/time.Millisecond))
				s.SetWatermark(now.ago(4*time.Hour - time.Duration(i)*time.Second))
			}
		}, "", ""},
		{"watermark stands", func(c *telemetry.Counters, now *clock) {
			s, other := c.Shard("s", "0"), c.Shard("s", "1")
			s.SetWatermark(now.ago(time.Minute))
			for range 11 {
				now.pass(time.Minute)
				s.Polled(now.now(), 0)
				other.Polled(now.now(), 0)
				s.SetWatermark(1) // no advance
				other.SetWatermark(now.ago(0))
			}
		}, "watermark", "the watermark stands at 2026-03-02T08:59:00Z for 11m0s, held by shard 0 of s; the limit is 10m0s"},
		{"all at once", func(c *telemetry.Counters, now *clock) {
			c.Shard("s", "0").SetWatermark(now.ago(0))
			flush(c, errors.New("disk full"))
			now.pass(time.Hour)
		}, "flush poll watermark", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := newClock()
			c := telemetry.New(now.now)
			tt.does(c, now)
			var checks, says []string
			for _, f := range c.Faults(telemetry.DefaultLimits) {
				checks, says = append(checks, f.Check), append(says, f.Message)
			}
			if !slices.Equal(checks, strings.Fields(tt.checks)) || !strings.Contains(strings.Join(says, "\n"), tt.says) {
				t.Errorf("checks %q, want %q; says %q, want %q", checks, tt.checks, says, tt.says)
			}
		})
	}
}

func TestAJobIsReadyWhileItsSourceAnswers(t *testing.T) {
	flushed := func(c *telemetry.Counters) { _ = c.Flush(func() error { return nil }) }
	tests := []struct {
		name   string
		stream bool
		does   func(*telemetry.Counters, *clock)
		want   bool
	}{
		{"nothing", false, func(*telemetry.Counters, *clock) {}, false},
		{"a failed flush", false, func(c *telemetry.Counters, _ *clock) { _ = c.Flush(func() error { return errors.New("no") }) }, false},
		{"a flush", false, func(c *telemetry.Counters, _ *clock) { flushed(c) }, true},
		{"records of files", false, func(c *telemetry.Counters, _ *clock) { c.Records.Add(1) }, true},
		{"a stream without a shard", true, func(c *telemetry.Counters, _ *clock) { flushed(c) }, false},
		{"a shard without a poll", true, func(c *telemetry.Counters, _ *clock) { c.Shard("s", "0"); flushed(c) }, false},
		{"a poll", true, func(c *telemetry.Counters, now *clock) { c.Shard("s", "0").Polled(now.now(), 0) }, true},
		{"one shard of two answers", true, func(c *telemetry.Counters, now *clock) {
			c.Shard("s", "0").Polled(now.now(), 0)
			now.pass(time.Hour)
			c.Shard("s", "1").Polled(now.now(), 0)
		}, true},
		{"no shard answers any more", true, func(c *telemetry.Counters, now *clock) {
			c.Records.Add(1)
			c.Shard("s", "0").Polled(now.now(), 0)
			now.pass(telemetry.DefaultLimits.Poll + time.Second)
			flushed(c)
		}, false},
	}
	for _, tt := range tests {
		now := newClock()
		c := telemetry.New(now.now)
		c.Unbounded.Store(tt.stream)
		if tt.does(c, now); c.Ready(telemetry.DefaultLimits) != tt.want {
			t.Errorf("%s: ready %v", tt.name, !tt.want)
		}
	}
}

// A job whose positions a cluster keeps has no shards here: what the cluster says of it counts.
func TestAJobOnAClusterIsJudgedByWhatTheClusterSays(t *testing.T) {
	clock := newClock()
	c := telemetry.New(clock.now)
	c.Unbounded.Store(true)
	c.OnCluster()
	checks := func() (names []string) {
		for _, f := range c.Faults(telemetry.DefaultLimits) {
			names = append(names, f.Check)
		}
		return names
	}
	expect := func(what string, ready bool, want ...string) {
		t.Helper()
		if got := checks(); !slices.Equal(got, want) || c.Ready(telemetry.DefaultLimits) != ready {
			t.Errorf("%s: %q fail, ready %t", what, got, c.Ready(telemetry.DefaultLimits))
		}
	}
	clock.pass(time.Minute)
	expect("it is being submitted", false)
	clock.pass(2 * time.Minute)
	expect("it never ran", false, "poll")
	c.RunsOnCluster(0)
	expect("it runs, and has read nothing", true)
	if _, ok := c.WatermarkAge(); ok {
		t.Error("a watermark is known that nobody has told")
	}
	at := clock.ago(time.Hour)
	for i := range int64(3) {
		c.RunsOnCluster(at + i)
		clock.pass(9 * time.Minute)
		c.RunsOnCluster(at + i)
		expect("it is behind and reads", true)
	}
	c.RunsOnCluster(at - 1000)
	expect("it went back to a checkpoint", true)
	if got := c.Watermark(); got.UnixMilli() != at-1000 {
		t.Errorf("the watermark is %v", got)
	}
	for range 11 {
		clock.pass(time.Minute)
		c.RunsOnCluster(at - 1000)
	}
	expect("it stands", true, "watermark")
	c.RunsOnCluster(clock.ago(time.Second))
	clock.pass(3 * time.Minute)
	expect("the cluster is silent, or restarts it again and again", false, "poll")
}
