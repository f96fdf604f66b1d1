package telemetry_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry"
)

func TestTheJobIsAsFarAsItsLastOpenShard(t *testing.T) {
	clock := newClock()
	c := telemetry.New(clock.now)
	if _, ok := c.Behind(); ok {
		t.Error("no shard is behind")
	}
	if _, ok := c.WatermarkAge(); ok {
		t.Error("no shard has a watermark")
	}
	a, b := c.Shard("orders", "shard-0"), c.Shard("orders", "shard-1")
	c.Shard("orders", "shard-2") // not polled yet
	a.Polled(clock.now(), 500)
	b.Polled(clock.now(), 7000)
	a.SetWatermark(clock.ago(2 * time.Second))
	b.SetWatermark(clock.ago(9 * time.Second))
	b.SetWatermark(clock.ago(20 * time.Second)) // never goes back
	check := func(behind, age time.Duration) {
		t.Helper()
		gotBehind, _ := c.Behind()
		gotAge, _ := c.WatermarkAge()
		if gotBehind != behind || gotAge != age {
			t.Errorf("behind %v, want %v; watermark age %v, want %v", gotBehind, behind, gotAge, age)
		}
	}
	check(7*time.Second, 9*time.Second)
	b.Close()
	check(500*time.Millisecond, 2*time.Second)
	clock.pass(time.Second)
	check(500*time.Millisecond, 3*time.Second)
	a.SetWatermark(clock.ago(-time.Hour)) // ahead of the clock
	check(500*time.Millisecond, 0)
	a.Close()
	if !c.Watermark().IsZero() {
		t.Error("closed shards have a watermark")
	}
}

func TestStreamsMayHaveShardsOfOneName(t *testing.T) {
	c := new(telemetry.Counters)
	one, two := c.Shard("east", "shard-0"), c.Shard("west", "shard-0")
	if one == two || c.Shard("east", "shard-0") != one {
		t.Error("shards are mixed up")
	}
	two.Close()
	var got []string
	for _, s := range c.Shards() {
		if s.Open() {
			got = append(got, s.Stream+" "+s.ID)
		}
	}
	if diff := cmp.Diff([]string{"east shard-0"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestShardsThatAreNotRetainedAreForgotten(t *testing.T) {
	c := new(telemetry.Counters)
	c.RetainShards(func(string, string) bool { return true }) // there is none
	for _, s := range []string{"east", "west"} {
		for _, id := range []string{"shard-0", "shard-1"} {
			c.Shard(s, id).Close()
		}
	}
	c.RetainShards(func(stream, id string) bool { return stream == "west" && id == "shard-1" })
	var got []string
	for _, s := range c.Shards() {
		got = append(got, s.Stream+" "+s.ID)
	}
	if diff := cmp.Diff([]string{"west shard-1"}, got); diff != "" {
		t.Error(diff)
	}
	if !c.Shard("east", "shard-0").Open() {
		t.Error("a shard that was forgotten begins as a closed one")
	}
}

func BenchmarkPoll(b *testing.B) {
	s := telemetry.New(time.Now).Shard("s", "0")
	now := time.Now()
	b.ReportAllocs()
	for i := int64(1); b.Loop(); i++ {
		s.Polled(now, i)
		s.SetWatermark(i)
	}
}
