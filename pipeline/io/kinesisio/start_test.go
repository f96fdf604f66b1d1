package kinesisio

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

func TestReadingBeginsWhereItIsTold(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 2)
	put := func(texts ...string) {
		for i, text := range texts {
			f.PutTexts("s", fmt.Sprint(i), text)
		}
	}
	put("a", "b", "c", "d")
	clock.Advance(time.Minute)
	middle := clock.Now()
	shards := f.Shards("s")
	f.Split("s", shards[0].ID)
	put("e", "f", "g", "h")
	clock.Advance(time.Minute)
	tests := []struct {
		name  string
		start Start
		want  []string
	}{
		{"trim-horizon", Start{}, []string{"a", "b", "c", "d", "e", "f", "g", "h", "later"}},
		{"at a time", Start{AtMS: middle.UnixMilli()}, []string{"e", "f", "g", "h", "later"}},
		{"latest", Start{Latest: true}, []string{"later"}},
	}
	var later = []string{"later"}
	runners := make([]*runner, len(tests))
	for i, test := range tests {
		runners[i] = newRunner(t, clock, []Stream{{Name: "s", Endpoint: f.URL, Start: test.start}})
		defer runners[i].close()
		runners[i].until("the first batches", func() bool { return len(positions(runners[i].batches)) == 4 })
	}
	clock.Advance(time.Minute)
	put(later...)
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := runners[i]
			r.until("all records", func() bool { return len(r.texts()) >= len(test.want) })
			if diff := cmp.Diff(test.want, sorted(r.texts())); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLatestIsATimeThatOutlivesARestart(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 1)
	f.PutTexts("s", "k", "before")
	clock.Advance(time.Minute)
	streams := []Stream{{Name: "s", Endpoint: f.URL, Start: Start{Latest: true}}}
	r := newRunner(t, clock, streams)
	r.until("a position", func() bool { return len(r.batches) > 0 })
	r.close()
	clock.Advance(time.Minute)
	f.PutTexts("s", "k", "while nobody reads")
	clock.Advance(time.Minute)
	next := newRunner(t, clock, streams, ReadPositions(positions(r.batches)))
	defer next.close()
	next.until("the record", func() bool { return len(next.texts()) > 0 })
	if diff := cmp.Diff([]string{"while nobody reads"}, next.texts()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// A job may go on with the command that it was begun with, whatever has become of that time.
func TestAShardThatIsNewLongAfterTheTimeOfAStartHasNoGap(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		t.Run(fmt.Sprintf("restarts %t", restarts), func(t *testing.T) {
			clock := kinesisfake.NewManualClock(epoch)
			f := newFake(t, kinesisfake.Options{Clock: clock})
			f.CreateStream("s", 1)
			f.PutTexts("s", "k", "before")
			clock.Advance(time.Hour)
			streams := []Stream{{Name: "s", Endpoint: f.URL, Start: Start{AtMS: clock.Now().UnixMilli()}}}
			f.PutTexts("s", "k", "behind")
			r := newRunner(t, clock, streams)
			defer func() { r.close() }()
			r.until("the record", func() bool { return len(r.texts()) == 1 })
			for range 3 {
				clock.Advance(13 * time.Hour)
				target := clock.Now().UnixMilli()
				r.until("a position behind that", func() bool {
					clock.Advance(time.Second)
					return positions(r.batches)[shardKey(0)].UpTo >= target
				})
			}
			batches := r.batches
			if restarts {
				r.close()
			}
			f.Reshard("s", 2)
			f.PutTexts("s", "k", "new")
			clock.Advance(time.Minute)
			if restarts {
				r = newRunner(t, clock, streams, ReadPositions(positions(batches)))
			} else {
				batches = nil
			}
			r.until("the new record", func() bool { return len(texts(batches))+len(r.texts()) >= 2 })
			if diff := cmp.Diff([]string{"behind", "new"}, append(texts(batches), r.texts()...)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if gaps := gapsIn(append(batches, r.batches...)); gaps != nil {
				t.Errorf("gaps: %v", gaps)
			}
		})
	}
}
