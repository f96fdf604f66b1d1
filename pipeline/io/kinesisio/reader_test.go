package kinesisio

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

// flood is a fetcher that never ends.
type flood struct{ n int }

func (f *flood) next(ctx context.Context) (fetchResult, error) {
	f.n++
	return fetchResult{behind: 1, records: []types.Record{{
		Data: make([]byte, 1<<20), SequenceNumber: aws.String(fmt.Sprint(f.n)), ApproximateArrivalTimestamp: aws.Time(epoch),
	}}}, ctx.Err()
}
func (*flood) close() {}

// forever is the retention of a stream that loses nothing.
type forever struct{}

func (forever) old(int64) bool                               { return false }
func (forever) keptRange(context.Context) (keptRange, error) { return keptRange{}, nil }

func TestReadersHoldNoMoreThanTheyMay(t *testing.T) {
	room := newBudget(totalBytes)
	var readers []*reader
	for range 8 {
		readers = append(readers, read(room, Position{}, func(context.Context, *cursor) (fetcher, retention, error) { return &flood{}, forever{}, nil }))
	}
	held := func() (all int64) {
		for _, r := range readers {
			r.mu.Lock()
			if r.bytes > shardBytes+2<<20 {
				t.Errorf("a reader holds %d bytes", r.bytes)
			}
			all += r.bytes
			r.mu.Unlock()
		}
		return all
	}
	for range 3 {
		for deadline := time.Now().Add(time.Minute); held() < totalBytes-2*8<<20; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("readers hold only %d bytes", held())
			}
		}
		time.Sleep(10 * time.Millisecond)
		if got := held(); got > totalBytes+8<<20 { // the size of each reader's last answer was a guess
			t.Fatalf("readers hold %d bytes, more than %d", got, totalBytes)
		}
		for _, r := range readers {
			var b Batch
			if _, ok, err := r.take(&b, batchBytes); err != nil || ok && int64(len(b.Data)) > batchBytes {
				t.Fatalf("took %d bytes, %v", len(b.Data), err)
			}
		}
	}
	for _, r := range readers {
		r.stop()
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // the last answers come back
		room.mu.Lock()
		free := room.free
		room.mu.Unlock()
		if free == totalBytes {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes of %d were given back", free, totalBytes)
		}
	}
}

func TestAReaderThatStoppedIsBegunAnewWhereItStood(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 1)
	r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	var want []string
	for i := range 3 {
		want = append(want, fmt.Sprint("a", i), fmt.Sprint("b", i))
		f.PutTexts("s", "k", want[2*i])
		r.until("a record", func() bool { return len(r.texts()) == 2*i+1 })
		f.PutTexts("s", "k", want[2*i+1])
		for _, p := range r.session.shards { // as if nobody had asked for a minute
			p.reader.stop()
		}
		r.until("the next record", func() bool { return len(r.texts()) == 2*i+2 })
	}
	if diff := cmp.Diff(want, r.texts()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestACallThatIsRepeatedHandsOnTheSame(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 1)
	r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	r.until("the first batch", func() bool { return len(r.batches) > 0 })
	before := *r.shards[0] // what the runner stored
	f.PutTexts("s", "k", "a", "b", "c")
	r.until("the records", func() bool { return len(r.texts()) == 3 })
	r.batches = nil
	*r.shards[0] = before // the bundle failed
	r.until("the records again", func() bool { return len(r.texts()) == 3 })
	if diff := cmp.Diff([]string{"a", "b", "c"}, r.texts()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestAPositionInsideAPackedRecordGoesOnThere(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 1)
	shard := f.Shards("s")[0].ID
	places := f.Put("s", kinesisfake.Record{Data: pack("a", "b", "c")}, kinesisfake.Record{Data: []byte("d")})
	number := places[0].SequenceNumber
	tests := []struct {
		at   Position
		want []string
	}{
		{Position{}, []string{"a", "b", "c", "d"}},
		{Position{Sequence: number, Sub: 1}, []string{"b", "c", "d"}},
		{Position{Sequence: number, Sub: 3}, []string{"d"}},
		{Position{Sequence: number}, []string{"d"}},
	}
	for _, consumer := range []string{"", "beam"} {
		for _, test := range tests {
			t.Run(fmt.Sprint(consumer, test.at), func(t *testing.T) {
				r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL, Consumer: consumer}}, ReadPositions(map[string]Position{Key("s", shard): test.at}))
				defer r.close()
				r.until("the last record", func() bool { return len(r.texts()) >= len(test.want) })
				if diff := cmp.Diff(test.want, r.texts()); diff != "" {
					t.Errorf("records (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestUserRecordsHaveTheNumberOfTheirRecordAndAnIndex(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 1)
	places := f.Put("s", kinesisfake.Record{Data: pack("a", "b")}, kinesisfake.Record{Data: []byte("c")})
	r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	r.until("the records", func() bool { return len(r.texts()) == 3 })
	var got []string
	for _, b := range r.batches {
		got = append(got, b.Sequences...)
	}
	want := []string{places[0].SequenceNumber + ".0", places[0].SequenceNumber + ".1", places[1].SequenceNumber}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sequences (-want +got):\n%s", diff)
	}
}

func TestEachShardsFirstBatchComesAtOnce(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 3)
	hold := make(chan struct{})
	f.Inject(kinesisfake.Fault{Operation: "GetRecords", Hold: hold})
	defer close(hold)
	r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	if err := r.round(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(3, len(positions(r.batches))); diff != "" {
		t.Errorf("shards with a position (-want +got):\n%s", diff)
	}
}

func TestADrainedRestrictionEndsWithoutBeingDone(t *testing.T) {
	fn, s := &readFn{}, shard{From: Position{UpTo: 5}}
	rt := fn.CreateTracker(fn.CreateInitialRestriction(s))
	p := fn.TruncateRestriction(rt, s)
	if !p.ended() || p.At.Done {
		t.Errorf("truncated to %+v", p)
	}
	k := (&discoverFn{}).TruncateRestriction((&discoverFn{}).CreateTracker(known{UpTo: 7}), Stream{})
	if !k.ended() || k.UpTo != 7 {
		t.Errorf("truncated to %+v", k)
	}
}

func TestARestrictionIsNeverSplitInTwo(t *testing.T) {
	rt := newTracker(progress{At: Position{Sequence: "1"}})
	if _, residual, err := rt.TrySplit(0.5); residual != nil || err != nil {
		t.Errorf("a half: %v, %v", residual, err)
	}
	if !rt.TryClaim(progress{At: Position{Sequence: "2"}}) {
		t.Error("no claim after a split that was refused")
	}
	_, residual, err := rt.TrySplit(0)
	if diff := cmp.Diff(progress{At: Position{Sequence: "2"}}, residual); err != nil || diff != "" {
		t.Errorf("the rest (-want +got): %v\n%s", err, diff)
	}
	if rt.TryClaim(progress{At: Position{Sequence: "3"}}) {
		t.Error("a claim of what was handed to another")
	}
}
