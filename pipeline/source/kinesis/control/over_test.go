package control

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// epoch is when the clocks of tests begin.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// listedAs lets a control list a stream, now.
func listedAs(c *Control, stream string, now time.Time, times int, shards ...string) {
	for range times {
		c.Listed(stream, shards, now.UnixMilli())
	}
}

func TestAPositionIsOverOnceNothingNeedsIt(t *testing.T) {
	now := epoch.Add(100 * 24 * time.Hour)
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMilli() }
	const day = 24 * time.Hour
	ended := Saved{UpTo: ago(day + time.Hour), Done: true}
	open := Saved{UpTo: ago(0)}
	often := func(c *Control) { listedAs(c, "s", now, Many, "new") }
	tests := []struct {
		name   string
		list   func(c *Control)
		others map[string]Saved // beside that of shard old
		old    Saved
		want   []string
	}{
		{"ended, gone, with others", often, map[string]Saved{"s/new": open}, ended, []string{"s/old"}},
		{"not read to its end", often, map[string]Saved{"s/new": open}, Saved{UpTo: ended.UpTo}, nil},
		{"without a record", often, map[string]Saved{"s/new": open}, Saved{Done: true}, []string{"s/old"}},
		{"ended a day ago", often, map[string]Saved{"s/new": open}, Saved{UpTo: ago(day), Done: true}, nil},
		{"ended a little more than a day ago", often, map[string]Saved{"s/new": open}, Saved{UpTo: ago(day + time.Millisecond), Done: true}, []string{"s/old"}},
		{"never listed, and that not often yet", func(c *Control) { listedAs(c, "s", now, Many-1, "new") }, map[string]Saved{"s/new": open}, ended, nil},
		{"listed", func(c *Control) { listedAs(c, "s", now, 20, "new", "old") }, map[string]Saved{"s/new": open}, ended, nil},
		{"missing for a while", func(c *Control) {
			listedAs(c, "s", now, 20, "new", "old")
			listedAs(c, "s", now, Many-1, "new")
		}, map[string]Saved{"s/new": open}, ended, nil},
		{"missing for long", func(c *Control) {
			listedAs(c, "s", now, 20, "new", "old")
			listedAs(c, "s", now, Many, "new")
		}, map[string]Saved{"s/new": open}, ended, []string{"s/old"}},
		{"missing for long, but for a listing that lagged behind", func(c *Control) {
			listedAs(c, "s", now, 20, "new")
			listedAs(c, "s", now, 1, "new", "old")
			listedAs(c, "s", now, Many-1, "new")
		}, map[string]Saved{"s/new": open}, ended, nil},
		{"the last of its stream", often, nil, ended, nil},
		{"another stream has others", often, map[string]Saved{"t/new": open}, ended, nil},
		{"the others did not come so far", often, map[string]Saved{"s/new": {UpTo: ended.UpTo - 1}}, ended, nil},
		{"all are over", often, map[string]Saved{"s/older": {UpTo: ended.UpTo - 1, Done: true}, "s/oldest": {Done: true}}, ended, []string{"s/older", "s/oldest"}},
		{"all are over and came as far", often, map[string]Saved{"s/older": ended}, ended, []string{"s/old"}},
		{"of a stream that is not listed", func(c *Control) { listedAs(c, "t", now, 20, "new") }, map[string]Saved{"s/new": open}, ended, nil},
		{"of a stream whose ID begins with the other's", func(c *Control) { listedAs(c, "r/s", now, 20, "new") }, map[string]Saved{"s/new": open, "r/s/old": ended, "r/s/new": open}, ended, []string{"r/s/old"}},
		{"by the service's clock, not by this machine's", func(c *Control) { listedAs(c, "s", now.Add(-2*time.Hour), 20, "new") }, map[string]Saved{"s/new": open}, ended, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := New(nil, Unknown)
			test.list(c)
			positions := map[string]Saved{"s/old": test.old}
			for key, at := range test.others {
				positions[key] = at
			}
			if diff := cmp.Diff(test.want, c.Over(positions)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsKnownOfAShardStaysUntilItIsReadToItsEndAndGone(t *testing.T) {
	c := New(nil, Unknown)
	shards := func() (all []string) {
		for _, s := range c.Shards() {
			all = append(all, s.Stream+" "+s.Shard)
		}
		return all
	}
	for _, stream := range []string{"s", "t"} {
		for _, id := range []string{"listed", "gone", "unread"} {
			c.Found(stream, id, 0)
			c.shards[key{stream, id}].done = id != "unread"
		}
	}
	all := []string{"s gone", "s listed", "s unread", "t gone", "t listed", "t unread"}
	listedAs(c, "s", epoch, 1, "listed", "gone", "unread")
	listedAs(c, "s", epoch, Many-1, "listed")
	if diff := cmp.Diff(all, shards()); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	listedAs(c, "s", epoch, 1, "listed")
	if diff := cmp.Diff(slices.DeleteFunc(all, func(s string) bool { return s == "s gone" }), shards()); diff != "" {
		t.Errorf("after many listings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"listed": Many + 1}, c.listings["s"].named); diff != "" {
		t.Errorf("listings (-want +got):\n%s", diff)
	}
}

func TestAShardOfAnIDThatWasReadToItsEndHoldsTheWatermarkOnceMore(t *testing.T) {
	c := New(nil, Unknown)
	listedAs(c, "s", epoch, 1, "shard")
	holds := func(want int64) {
		t.Helper()
		if got := c.lowest(0); got != want {
			t.Errorf("the watermark is %d, want %d", got, want)
		}
	}
	c.Found("s", "shard", 5)
	holds(5)
	c.Found("s", "shard", 7) // it is known
	holds(5)
	c.shards[key{"s", "shard"}].done = true
	holds(epoch.UnixMilli())
	c.Found("s", "shard", 9)
	holds(9)
}
