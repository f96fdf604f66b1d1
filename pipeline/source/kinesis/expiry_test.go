package kinesis

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

// listedAs lets a control list a stream, now.
func listedAs(c *Control, stream string, now time.Time, times int, shards ...string) {
	for range times {
		c.listed(stream, listing{shards: shards, asOf: now.UnixMilli()})
	}
}

func TestAPositionIsOverOnceNothingNeedsIt(t *testing.T) {
	now := epoch.Add(100 * 24 * time.Hour)
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMilli() }
	const day = 24 * time.Hour
	ended := Position{Sequence: "7", UpTo: ago(day + time.Hour), Done: true}
	open := Position{Sequence: "9", UpTo: ago(0)}
	often := func(c *Control) { listedAs(c, "s", now, manyListings, "new") }
	tests := []struct {
		name   string
		list   func(c *Control)
		others map[string]Position // beside that of shard old
		old    Position
		want   []string
	}{
		{"ended, gone, with others", often, map[string]Position{"s/new": open}, ended, []string{"s/old"}},
		{"not read to its end", often, map[string]Position{"s/new": open}, Position{Sequence: "7", UpTo: ended.UpTo}, nil},
		{"without a record", often, map[string]Position{"s/new": open}, Position{Done: true}, []string{"s/old"}},
		{"ended a day ago", often, map[string]Position{"s/new": open}, Position{UpTo: ago(day), Done: true}, nil},
		{"ended a little more than a day ago", often, map[string]Position{"s/new": open}, Position{UpTo: ago(day + time.Millisecond), Done: true}, []string{"s/old"}},
		{"never listed, and that not often yet", func(c *Control) { listedAs(c, "s", now, manyListings-1, "new") }, map[string]Position{"s/new": open}, ended, nil},
		{"listed", func(c *Control) { listedAs(c, "s", now, 20, "new", "old") }, map[string]Position{"s/new": open}, ended, nil},
		{"missing for a while", func(c *Control) {
			listedAs(c, "s", now, 20, "new", "old")
			listedAs(c, "s", now, manyListings-1, "new")
		}, map[string]Position{"s/new": open}, ended, nil},
		{"missing for long", func(c *Control) {
			listedAs(c, "s", now, 20, "new", "old")
			listedAs(c, "s", now, manyListings, "new")
		}, map[string]Position{"s/new": open}, ended, []string{"s/old"}},
		{"missing for long, but for a listing that lagged behind", func(c *Control) {
			listedAs(c, "s", now, 20, "new")
			listedAs(c, "s", now, 1, "new", "old")
			listedAs(c, "s", now, manyListings-1, "new")
		}, map[string]Position{"s/new": open}, ended, nil},
		{"the last of its stream", often, nil, ended, nil},
		{"another stream has others", often, map[string]Position{"t/new": open}, ended, nil},
		{"the others did not come so far", often, map[string]Position{"s/new": {Sequence: "9", UpTo: ended.UpTo - 1}}, ended, nil},
		{"all are over", often, map[string]Position{"s/older": {UpTo: ended.UpTo - 1, Done: true}, "s/oldest": {Done: true}}, ended, []string{"s/older", "s/oldest"}},
		{"all are over and came as far", often, map[string]Position{"s/older": ended}, ended, []string{"s/old"}},
		{"of a stream that is not listed", func(c *Control) { listedAs(c, "t", now, 20, "new") }, map[string]Position{"s/new": open}, ended, nil},
		{"of a stream whose ID begins with the other's", func(c *Control) { listedAs(c, "r/s", now, 20, "new") }, map[string]Position{"s/new": open, "r/s/old": ended, "r/s/new": open}, ended, []string{"r/s/old"}},
		{"by the service's clock, not by this machine's", func(c *Control) { listedAs(c, "s", now.Add(-2*time.Hour), 20, "new") }, map[string]Position{"s/new": open}, ended, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newControl("")
			c.Now = func() time.Time { return now.Add(1000 * time.Hour) }
			test.list(c)
			positions := map[string]Position{"s/old": test.old}
			for key, at := range test.others {
				positions[key] = at
			}
			if diff := cmp.Diff(test.want, c.Over(positions)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A stream is split and merged again and again, and jobs that follow one another read it.
func TestWhatIsOverIsForgottenAndNothingIsReadAgainOrLost(t *testing.T) {
	starts := map[string]Start{"trim-horizon": {}, "latest": {Latest: true}, "at a time": {AtMS: epoch.UnixMilli()}}
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			clock := kinesisfake.NewManualClock(epoch)
			f := newFake(t, kinesisfake.Options{Clock: clock})
			f.CreateStream("s", 1)
			streams := []Stream{{Name: "s", Endpoint: f.URL, Start: start}}
			saved := map[string]Position{}
			var want, got []string
			for round := range 4 {
				r := newRunner(t, clock, streams, WithPositions(saved))
				r.until("a position", func() bool { return len(r.batches) > 0 })
				for half := range 2 {
					clock.Advance(time.Minute)
					for i := range 5 {
						want = append(want, fmt.Sprint(round, half, i))
						f.PutTexts("s", fmt.Sprint(i), want[len(want)-1])
					}
					r.until("the records", func() bool { return len(got)+len(r.texts()) >= len(want) })
					f.Reshard("s", 2-half)
				}
				done := func() (n int) {
					for _, s := range r.control.Shards() {
						if !s.Open {
							n++
						}
					}
					return n
				}
				r.until("the ends of three shards", func() bool { return done() >= 3 })
				for range 2 {
					clock.Advance(13 * time.Hour) // in steps that no reader takes for a gap
					target := clock.Now().UnixMilli()
					r.until("a position behind that", func() bool {
						clock.Advance(time.Second)
						return positions(r.batches)[Key("s", lastShard(f))].UpTo >= target
					})
				}
				for range manyListings {
					if err := r.round(); err != nil {
						t.Fatal(err)
					}
				}
				r.until("what is known of closed shards to go", func() bool { return len(r.control.Shards()) == 1 })
				for key, at := range positions(r.batches) {
					saved[key] = at
				}
				for _, key := range r.control.Over(saved) {
					delete(saved, key)
				}
				if _, ok := saved[Key("s", lastShard(f))]; !ok || len(saved) != 1 {
					t.Errorf("in round %d these positions stay: %v", round, saved)
				}
				if w := r.shards[len(r.shards)-1].watermark; w < clock.Now().Add(-time.Minute).UnixMilli() {
					t.Errorf("the watermark stays at %d", w)
				}
				if gaps := gapsIn(r.batches); gaps != nil {
					t.Errorf("gaps: %v", gaps)
				}
				got = append(got, r.texts()...)
				r.close()
			}
			if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

// lastShard returns the youngest shard of stream s.
func lastShard(f *kinesisfake.Server) string {
	shards := f.Shards("s")
	return shards[len(shards)-1].ID
}

func TestWhatIsKnownOfAShardStaysUntilItIsReadToItsEndAndGone(t *testing.T) {
	c := newControl("")
	shards := func() (all []string) {
		for _, s := range c.Shards() {
			all = append(all, s.Stream+" "+s.Shard)
		}
		return all
	}
	for _, stream := range []string{"s", "t"} {
		for _, id := range []string{"listed", "gone", "unread"} {
			c.found(stream, id, 0)
			c.places[Key(stream, id)].done = id != "unread"
		}
	}
	all := []string{"s gone", "s listed", "s unread", "t gone", "t listed", "t unread"}
	listedAs(c, "s", epoch, 1, "listed", "gone", "unread")
	listedAs(c, "s", epoch, manyListings-1, "listed")
	if diff := cmp.Diff(all, shards()); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	listedAs(c, "s", epoch, 1, "listed")
	if diff := cmp.Diff(slices.DeleteFunc(all, func(s string) bool { return s == "s gone" }), shards()); diff != "" {
		t.Errorf("after many listings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"listed": manyListings + 1}, c.listings["s"].named); diff != "" {
		t.Errorf("listings (-want +got):\n%s", diff)
	}
}

func TestAShardOfAnIDThatWasReadToItsEndHoldsTheWatermarkOnceMore(t *testing.T) {
	c := newControl("")
	listedAs(c, "s", epoch, 1, "shard")
	holds := func(want int64) {
		t.Helper()
		if got := c.lowest(nil); got != want {
			t.Errorf("the watermark is %d, want %d", got, want)
		}
	}
	c.found("s", "shard", 5)
	holds(5)
	c.found("s", "shard", 7) // it is known
	holds(5)
	c.places[Key("s", "shard")].done = true
	holds(epoch.UnixMilli())
	c.found("s", "shard", 9)
	holds(9)
}
