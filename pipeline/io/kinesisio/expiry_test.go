package kinesisio

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/source/kinesis/control"
)

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
				r := newRunner(t, clock, streams, ReadPositions(saved))
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
				for range control.Many {
					if err := r.round(); err != nil {
						t.Fatal(err)
					}
				}
				r.until("what is known of closed shards to go", func() bool { return len(r.control.Shards()) == 1 })
				for key, at := range positions(r.batches) {
					saved[key] = at
				}
				for _, key := range r.over(saved) {
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
