package kinesisio

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

// remake deletes stream s and makes it anew.
func remake(t *testing.T, f *kinesisfake.Server, shards int) {
	t.Helper()
	_, err := f.Client().DeleteStream(t.Context(), &sdk.DeleteStreamInput{StreamName: aws.String("s"), EnforceConsumerDeletion: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	f.CreateStream("s", shards)
}

// fill puts records into each open shard of stream s, and returns their texts.
func fill(f *kinesisfake.Server, name string, n int) (texts []string) {
	for _, s := range f.Shards("s") {
		for i := range n {
			if s.Open {
				texts = append(texts, fmt.Sprint(name, " ", s.ID, " ", i))
				f.Put("s", kinesisfake.Record{ExplicitHashKey: s.HashKey, Data: []byte(texts[len(texts)-1])})
			}
		}
	}
	return texts
}

// earlier is a stream that was read: of three shards of it the first was read to its end, the
// second has three records and the third has none.
func earlier(t *testing.T, f *kinesisfake.Server, clock *kinesisfake.ManualClock, s Stream) map[string]Position {
	t.Helper()
	f.CreateStream("s", 1)
	clock.Advance(time.Minute)
	fill(f, "old", 3)
	r := newRunner(t, clock, []Stream{s})
	defer r.close()
	r.until("the first records", func() bool { return len(r.texts()) == 3 })
	low, _ := f.Split("s", f.Shards("s")[0].ID)
	for _, s := range f.Shards("s") {
		for i := range 3 {
			if s.ID == low {
				f.Put("s", kinesisfake.Record{ExplicitHashKey: s.HashKey, Data: fmt.Append(nil, "old ", i)})
			}
		}
	}
	r.until("all that is to be read", func() bool {
		p := positions(r.batches)
		return len(p) == 3 && len(r.texts()) == 6 && p[shardKey(0)].Done
	})
	clock.Advance(time.Minute)
	return positions(r.batches)
}

func shardKey(i int) string { return Key("s", fmt.Sprintf("shardId-%012d", i)) }

func TestOfAStreamThatWasMadeAnewAllIsRead(t *testing.T) {
	for _, consumer := range []string{"", "beam"} {
		for _, anew := range []bool{false, true} {
			for _, records := range []int{0, 1, 2, 3, 5} { // old numbers are refused, or those of other records
				for name, away := range map[string]time.Duration{"hour": time.Hour, "days": 48 * time.Hour} {
					t.Run(fmt.Sprintf("consumer %q numbers anew %t records %d after %s", consumer, anew, records, name), func(t *testing.T) {
						clock := kinesisfake.NewManualClock(epoch)
						f := newFake(t, kinesisfake.Options{Clock: clock, NumbersAnew: anew})
						s := Stream{Name: "s", Endpoint: f.URL, Consumer: consumer, Start: Start{Latest: true}}
						saved := earlier(t, f, clock, Stream{Name: "s", Endpoint: f.URL, Consumer: consumer})
						clock.Advance(away)
						remake(t, f, 3)
						made := clock.Now().UnixMilli()
						want := fill(f, "new", records)
						clock.Advance(time.Minute)
						r := newRunner(t, clock, []Stream{s}, ReadPositions(saved))
						defer r.close()
						r.until("all records and the gap", func() bool { return len(r.texts()) >= len(want) && len(gapsIn(r.batches)) > 0 })
						later := fill(f, "later", 1)
						r.until("later records", func() bool { return len(r.texts()) >= len(want)+len(later) })
						if diff := cmp.Diff(sorted(append(want, later...)), sorted(r.texts())); diff != "" {
							t.Errorf("records (-want +got):\n%s", diff)
						}
						second := saved[shardKey(1)]
						if diff := cmp.Diff([]gap{{second.UpTo, made}}, gapsIn(r.batches)); diff != "" {
							t.Errorf("gaps (-want +got):\n%s", diff)
						}
						target := clock.Now().UnixMilli()
						r.until("the watermark", func() bool { clock.Advance(time.Second); return r.shards[0].watermark >= target })
						r.close()
						fill(f, "last", 1)
						next := newRunner(t, clock, []Stream{s}, ReadPositions(positions(r.batches)))
						defer next.close()
						next.until("the last records", func() bool { return len(next.texts()) >= 3 })
						for _, text := range next.texts() {
							if !strings.HasPrefix(text, "last") {
								t.Errorf("%s is read again", text)
							}
						}
					})
				}
			}
		}
	}
}

func TestAShardOfAStreamThatWasMadeAnewBeginsWhereATimeSays(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock, NumbersAnew: true})
	s := Stream{Name: "s", Endpoint: f.URL}
	saved := earlier(t, f, clock, s)
	clock.Advance(time.Hour)
	remake(t, f, 1)
	fill(f, "before", 2)
	clock.Advance(time.Hour)
	s.Start = Start{AtMS: clock.Now().UnixMilli()}
	want := fill(f, "behind", 2)
	clock.Advance(time.Hour)
	for key, at := range saved { // of the shard that is there
		if !at.Done {
			delete(saved, key)
		}
	}
	r := newRunner(t, clock, []Stream{s}, ReadPositions(saved))
	defer r.close()
	r.until("the records", func() bool { return len(r.texts()) >= len(want) })
	if diff := cmp.Diff(want, r.texts()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// A stream that is made anew may get a shard of an ID that the one before had too only when it is
// split.
func TestAShardThatTheNewStreamHasOnlyLaterIsReadWhole(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		for _, merged := range []bool{false, true} {
			t.Run(fmt.Sprintf("restarts %t merged %t", restarts, merged), func(t *testing.T) {
				clock := kinesisfake.NewManualClock(epoch)
				f := newFake(t, kinesisfake.Options{Clock: clock, NumbersAnew: true})
				streams := []Stream{{Name: "s", Endpoint: f.URL}}
				f.CreateStream("s", 3)
				fill(f, "old", 3)
				if merged { // so they were read to their ends
					f.Reshard("s", 1)
				}
				r := newRunner(t, clock, streams)
				r.until("all that is old", func() bool {
					p := positions(r.batches)
					return len(r.texts()) == 9 && p[shardKey(1)].Done == merged && p[shardKey(2)].Done == merged
				})
				r.close()
				saved := positions(r.batches)
				clock.Advance(time.Hour)
				remake(t, f, 1)
				want := fill(f, "new", 1)
				clock.Advance(time.Minute)
				next := newRunner(t, clock, streams, ReadPositions(saved))
				defer func() { next.close() }()
				next.until("the first record, and the ends of the shards that are not there", func() bool {
					p := positions(next.batches)
					return len(next.texts()) == 1 && (merged || p[shardKey(1)].Done && p[shardKey(2)].Done)
				})
				batches := next.batches
				if restarts {
					next.close()
					for key, at := range positions(batches) {
						saved[key] = at
					}
					next = newRunner(t, clock, streams, ReadPositions(saved))
					for range 3 {
						if err := next.round(); err != nil {
							t.Fatal(err)
						}
					}
				} else {
					batches = nil
				}
				f.Split("s", f.Shards("s")[0].ID)
				want = append(want, fill(f, "split", 1)...)
				clock.Advance(time.Minute)
				all := func() []string { return append(texts(batches), next.texts()...) }
				next.until("all records", func() bool { return len(all()) >= len(want) })
				if diff := cmp.Diff(sorted(want), sorted(all())); diff != "" {
					t.Errorf("records (-want +got):\n%s", diff)
				}
				clock.Advance(time.Minute)
				next.until("the watermark", func() bool {
					return next.shards[len(next.shards)-1].watermark >= clock.Now().Add(-time.Second).UnixMilli()
				})
			})
		}
	}
}

func TestAStreamThatIsMadeAnewWhileItIsReadIsReadOn(t *testing.T) {
	for consumer, operation := range map[string]string{"": "GetRecords", "beam": "SubscribeToShard"} {
		t.Run(operation, func(t *testing.T) {
			clock := kinesisfake.NewManualClock(epoch)
			f := newFake(t, kinesisfake.Options{Clock: clock, NumbersAnew: true})
			f.CreateStream("s", 1)
			old := fill(f, "old", 3)
			streams := []Stream{{Name: "s", Endpoint: f.URL, Consumer: consumer}}
			before := newRunner(t, clock, streams)
			before.until("the old records", func() bool { return len(before.texts()) == 3 })
			before.close()
			r := newRunner(t, clock, streams, ReadPositions(positions(before.batches)))
			defer r.close()
			last := fill(f, "last", 1)
			r.until("the last record of the old stream", func() bool { return len(r.texts()) == 1 })
			open := make(chan struct{})
			fault := f.Inject(kinesisfake.Fault{Operation: operation, Hold: open})
			f.CutSubscriptions()
			wait(t, "a call", func() bool { return fault.Hits() > 0 })
			clock.Advance(summaryAge / 2) // what the service said of the old stream would still do
			remake(t, f, 1)
			fault.Remove()
			close(open)
			want := append(last, fill(f, "new", 5)...) // so that the old place is one of this stream too
			r.until("the new records", func() bool { return len(r.texts()) >= 6 })
			if diff := cmp.Diff(append(old, want...), append(before.texts(), r.texts()...)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			gaps := gapsIn(r.batches)
			if len(gaps) != 1 || gaps[0].From < epoch.UnixMilli() || gaps[0].To != epoch.Add(summaryAge/2).UnixMilli() {
				t.Errorf("gaps %v: want one that ends when the stream was made", gaps)
			}
		})
	}
}

func TestAStreamIsAskedWhenItWasMadeOnceAndOnlyIfAPositionMayBeOfAnEarlierOne(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 1)
	number := f.PutTexts("s", "k", "record")[0].SequenceNumber
	streams := []Stream{{Name: "s", Endpoint: f.URL}}
	calls := func() int { return f.Calls("DescribeStreamSummary", "", "") }
	f.Split("s", f.Shards("s")[0].ID)
	clock.Advance(time.Minute)
	id := f.Shards("s")[0].ID
	tests := []struct {
		name  string
		saved map[string]Position
		want  int
	}{
		{"nothing saved", nil, 0},
		{"not ended", map[string]Position{Key("s", id): {UpTo: epoch.UnixMilli()}}, 0},
		{"behind a record", map[string]Position{Key("s", id): {Sequence: number, UpTo: epoch.UnixMilli()}}, 1},
		{"ended and not listed", map[string]Position{Key("s", "shardId-7"): {UpTo: epoch.UnixMilli(), Done: true}}, 0},
		{"of another stream", map[string]Position{Key("t", id): {UpTo: epoch.UnixMilli(), Done: true}}, 0},
		{"ended and listed", map[string]Position{Key("s", id): {UpTo: epoch.UnixMilli(), Done: true}}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := calls()
			r := newRunner(t, clock, streams, ReadPositions(test.saved))
			defer r.close()
			r.until("a batch and the question", func() bool { return len(r.batches) > 0 && calls()-before >= test.want })
			for range 20 {
				if err := r.round(); err != nil {
					t.Fatal(err)
				}
			}
			if got := calls() - before; got != test.want {
				t.Errorf("it was asked %d times, want %d", got, test.want)
			}
		})
	}
}

func TestAnErrorOfTheQuestionWhenAStreamWasMadeIsOneOfItsListing(t *testing.T) {
	begin := func(t *testing.T, fault kinesisfake.Fault) (r *runner, bad *kinesisfake.Injection, lists func() int) {
		f := newFake(t, kinesisfake.Options{})
		f.CreateStream("bad", 2)
		f.CreateStream("good", 1)
		f.PutTexts("good", "k", "record")
		saved := map[string]Position{Key("bad", f.Shards("bad")[0].ID): {UpTo: time.Now().UnixMilli(), Done: true}}
		fault.Operation, fault.Stream = "DescribeStreamSummary", "bad"
		bad = f.Inject(fault)
		r = newRunner(t, nil, []Stream{{Name: "bad", Endpoint: f.URL}, {Name: "good", Endpoint: f.URL}}, ReadPositions(saved))
		t.Cleanup(r.close)
		return r, bad, func() int { return f.Calls("ListShards", "bad", "") }
	}
	t.Run("one that passes", func(t *testing.T) {
		r, bad, lists := begin(t, kinesisfake.Fault{Error: kinesisfake.InternalFailure})
		var told []string
		r.control.Report = func(stream, _ string, err error) { told = append(told, stream+": "+err.Error()) }
		r.until("the record of the other stream", func() bool { return len(r.texts()) == 1 && bad.Hits() > 3 })
		if len(r.shards) != 1 || r.shards[0].watermark != unknown {
			t.Errorf("%d shards, watermark %d: want that of the other stream, and none, as the shards of this one are not known", len(r.shards), r.shards[0].watermark)
		}
		if asked, listed := bad.Hits(), lists(); asked != listed {
			t.Errorf("the stream was listed %d times and asked %d times: each listing asks once, so that no stream waits for another", listed, asked)
		}
		if len(told) < 3 || !strings.Contains(told[0], "bad: kinesis: stream bad: DescribeStreamSummary: ") {
			t.Errorf("told of %q", told)
		}
		bad.Remove()
		r.until("a watermark", func() bool { return r.shards[0].watermark != unknown })
		if len(r.shards) != 2 {
			t.Errorf("%d shards are read, want the one that has not ended and that of the other stream", len(r.shards))
		}
	})
	t.Run("one that stays", func(t *testing.T) {
		r, _, _ := begin(t, kinesisfake.Fault{Error: "AccessDeniedException"})
		if err := r.failure(); !strings.Contains(err.Error(), "allow kinesis:DescribeStreamSummary") {
			t.Errorf("got %v", err)
		}
	})
}

// A shard that never had a record says nothing of when it was read.
func TestAnEmptyShardThatEndedIsLookedAtOnceMoreAtEachStart(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 1)
	f.Reshard("s", 2)
	clock.Advance(time.Minute)
	streams, saved := []Stream{{Name: "s", Endpoint: f.URL}}, map[string]Position{}
	for start := range 3 {
		want := fill(f, fmt.Sprint(start), 1)
		r := newRunner(t, clock, streams, ReadPositions(saved))
		r.until("the records", func() bool { return len(r.texts()) >= len(want) && positions(r.batches)[shardKey(0)].Done })
		clock.Advance(time.Minute)
		r.until("the watermark", func() bool { return r.shards[1].watermark >= clock.Now().Add(-time.Second).UnixMilli() })
		n := len(r.batches)
		for range 20 {
			if err := r.round(); err != nil {
				t.Fatal(err)
			}
		}
		if at := positions(r.batches[:n])[shardKey(0)]; at != (Position{Done: true}) {
			t.Errorf("the shard was read to %+v: the test shows too little", at)
		}
		for _, b := range r.batches[n:] {
			if Key(b.Stream, b.Shard) == shardKey(0) {
				t.Error("the shard is looked at again and again")
			}
		}
		if diff := cmp.Diff(sorted(want), sorted(r.texts())); diff != "" {
			t.Errorf("records of start %d (-want +got):\n%s", start, diff)
		}
		r.close()
		for key, at := range positions(r.batches) {
			saved[key] = at
		}
	}
}

func TestAPositionIsOfAnEarlierStreamIfTheStreamWasMadeBehindIt(t *testing.T) {
	const made = 1_000_000
	tests := []struct {
		name string
		at   Position
		want bool
	}{
		{"before", Position{Sequence: "1", UpTo: made - 2000}, true},
		{"behind", Position{Sequence: "1", UpTo: made + 2000}, false},
		{"within the second of which some servers know no part", Position{Sequence: "1", UpTo: made - 1000}, false},
		{"of a server that tells no times", Position{Sequence: "1"}, false},
		{"without a record", Position{Done: true}, true},
	}
	for _, test := range tests {
		if got := test.at.outlived(made); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
		if test.at.outlived(0) {
			t.Errorf("%s: it is so even if nobody knows when the stream was made", test.name)
		}
	}
}

// lasting is the retention of a stream that was made at a time in ms and keeps all.
type lasting int64

func (lasting) old(int64) bool { return false }
func (l lasting) keptRange(context.Context) (keptRange, error) {
	return keptRange{created: int64(l)}, nil
}

func TestThePositionMovesToTheNewStreamWithTheGapBeforeIt(t *testing.T) {
	made := epoch.Add(time.Hour)
	h := lasting(made.UnixMilli())
	old := Position{Sequence: "900", Sub: 2, UpTo: epoch.UnixMilli()}
	cursor := newCursor(old)
	kept, _ := h.keptRange(t.Context())
	cursor.check(kept)
	add := func(a fetchResult) chunk {
		t.Helper()
		c, err := cursor.add(t.Context(), a, h)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for range 2 { // nobody knows what comes next
		if c := add(fetchResult{behind: 5}); c.Position != old || c.GapTo != 0 {
			t.Errorf("at %+v with a gap to %d, want to stay at %+v", c.Position, c.GapTo, old)
		}
		if kind := cursor.begin(false).kind; kind != types.ShardIteratorTypeTrimHorizon {
			t.Errorf("it begins anew at %s", kind)
		}
	}
	arrival := made.Add(time.Minute)
	c := add(fetchResult{records: []types.Record{{Data: []byte("new"), SequenceNumber: aws.String("3"), ApproximateArrivalTimestamp: &arrival}}})
	want := Position{Sequence: "3", UpTo: arrival.UnixMilli()}
	if c.Position != want || c.GapFrom != old.UpTo || c.GapTo != made.UnixMilli() {
		t.Errorf("at %+v with a gap from %d to %d", c.Position, c.GapFrom, c.GapTo)
	}
	if c := add(fetchResult{asOf: arrival.UnixMilli()}); c.GapTo != 0 {
		t.Error("the gap is told of twice")
	}
}
