package kinesisio

import (
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

// gap is what a batch says about one.
type gap struct{ From, To int64 }

func gapsIn(batches []Batch) (all []gap) {
	for _, b := range batches {
		if b.GapTo != 0 {
			all = append(all, gap{b.GapFrom, b.GapTo})
		}
	}
	return all
}

func TestWhatFellOutOfRetentionIsAGap(t *testing.T) {
	const day = 24 * time.Hour
	ms := func(d time.Duration) int64 { return epoch.Add(d).UnixMilli() }
	tests := []struct {
		name string
		away func(f *kinesisfake.Server, c *kinesisfake.ManualClock) // while nobody reads
		want []string
		gaps []gap
	}{
		{
			name: "records were lost",
			away: func(f *kinesisfake.Server, c *kinesisfake.ManualClock) {
				c.Advance(time.Hour)
				f.PutTexts("s", "k", "lost")
				c.Advance(day)
				f.PutTexts("s", "k", "kept")
				c.Advance(time.Hour)
			},
			want: []string{"kept"},
			gaps: []gap{{ms(0), ms(2 * time.Hour)}},
		},
		{
			name: "nobody knows whether records were lost",
			away: func(_ *kinesisfake.Server, c *kinesisfake.ManualClock) { c.Advance(day + time.Hour) },
			gaps: []gap{{ms(0), ms(time.Hour)}},
		},
		{
			name: "the whole shard is gone",
			away: func(f *kinesisfake.Server, c *kinesisfake.ManualClock) {
				f.PutTexts("s", "k", "lost")
				f.Split("s", f.Shards("s")[0].ID)
				c.Advance(day + time.Hour)
				f.PutTexts("s", "k", "kept")
			},
			want: []string{"kept"},
			gaps: []gap{{ms(0), ms(time.Hour)}},
		},
		{
			name: "all is still there",
			away: func(f *kinesisfake.Server, c *kinesisfake.ManualClock) {
				f.PutTexts("s", "k", "a")
				c.Advance(day - time.Hour)
				f.PutTexts("s", "k", "b")
			},
			want: []string{"a", "b"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clock := kinesisfake.NewManualClock(epoch)
			f := newFake(t, kinesisfake.Options{Clock: clock})
			f.CreateStream("s", 1)
			f.PutTexts("s", "k", "first")
			streams := []Stream{{Name: "s", Endpoint: f.URL}}
			r := newRunner(t, clock, streams)
			r.until("the first record", func() bool { return len(r.texts()) == 1 })
			r.close()
			test.away(f, clock)
			next := newRunner(t, clock, streams, ReadPositions(positions(r.batches)))
			defer next.close()
			next.until("records and gaps", func() bool {
				return len(next.texts()) >= len(test.want) && len(gapsIn(next.batches)) >= len(test.gaps)
			})
			if diff := cmp.Diff(test.want, next.texts()); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.gaps, gapsIn(next.batches)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFallingBehindUntilRecordsAreLostIsAGap(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock, IteratorLifetime: 1000 * time.Hour})
	f.CreateStream("s", 1)
	f.PutTexts("s", "k", "first")
	r := newRunner(t, clock, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	r.until("the first record", func() bool { return len(r.texts()) == 1 })
	storm := f.Inject(kinesisfake.Fault{Operation: "GetRecords", Error: "ProvisionedThroughputExceededException"})
	r.until("throttling", func() bool { return storm.Hits() > 3 })
	before := from(positions(r.batches)[Key("s", f.Shards("s")[0].ID)])
	f.PutTexts("s", "k", "lost")
	clock.Advance(25 * time.Hour)
	f.PutTexts("s", "k", "kept")
	storm.Remove()
	r.until("the kept record", func() bool { return len(r.texts()) == 2 })
	if diff := cmp.Diff([]string{"first", "kept"}, r.texts()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	got := gapsIn(r.batches)
	if len(got) != 1 || got[0].From < before || got[0].From > epoch.UnixMilli() || got[0].To != epoch.Add(time.Hour).UnixMilli() {
		t.Errorf("gaps %v: want one up to an hour after %d", got, epoch.UnixMilli())
	}
}

func TestAStreamThatWasMadeAnewIsAGap(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 1)
	f.PutTexts("s", "k", "old")
	streams := []Stream{{Name: "s", Endpoint: f.URL}}
	r := newRunner(t, clock, streams)
	r.until("the old record", func() bool { return len(r.texts()) == 1 })
	r.close()
	clock.Advance(time.Hour)
	name := "s"
	if _, err := f.Client().DeleteStream(t.Context(), &sdk.DeleteStreamInput{StreamName: &name}); err != nil {
		t.Fatal(err)
	}
	f.CreateStream(name, 1)
	f.PutTexts(name, "k", "new")
	next := newRunner(t, clock, streams, ReadPositions(positions(r.batches)))
	defer next.close()
	next.until("the new record", func() bool { return len(next.texts()) == 1 })
	if diff := cmp.Diff([]gap{{epoch.UnixMilli(), epoch.Add(time.Hour).UnixMilli()}}, gapsIn(next.batches)); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}
