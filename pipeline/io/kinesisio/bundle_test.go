package kinesisio

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

// bundledJob is a job that has shards 0, 1 and 2 of a stream, with a record each from two times in
// shards 1 and 2, that readers hold and nobody took.
type bundledJob struct {
	*runner
	fake          *kinesisfake.Server
	clock         *kinesisfake.ManualClock
	first, second int64 // when the records arrived
	release       func()
}

func newBundledJob(t *testing.T) *bundledJob {
	t.Helper()
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 3)
	r := newRunner(t, clock, []Stream{{Name: "s", Endpoint: f.URL}})
	t.Cleanup(r.close)
	b := &bundledJob{runner: r, fake: f, clock: clock}
	r.until("a watermark", func() bool { return len(r.shards) == 3 && r.shards[0].watermark != unknown })
	b.hold(t)
	put := func() int64 {
		for _, s := range f.Shards("s")[1:] {
			f.Put("s", kinesisfake.Record{ExplicitHashKey: s.HashKey, Data: []byte("record")})
		}
		at := clock.Now()
		clock.Advance(5 * time.Second)
		return at.UnixMilli()
	}
	b.first, b.second = put(), put()
	b.release()
	wait(t, "the records", func() bool { return b.held(1) == 2 && b.held(2) == 2 && b.live(0) > b.second })
	return b
}

// hold lets the service answer no reader, and waits until all of them wait for it.
func (b *bundledJob) hold(t *testing.T) {
	t.Helper()
	open := make(chan struct{})
	fault := b.fake.Inject(kinesisfake.Fault{Operation: "GetRecords", Hold: open})
	b.release = func() { fault.Remove(); close(open) }
	wait(t, "calls", func() bool { return fault.Hits() == 3 })
}

// held returns how many records the reader of a shard holds.
func (b *bundledJob) held(i int) (n int) {
	r := b.reader(i)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.chunks {
		n += len(c.Ends)
	}
	return n
}

// live returns the time up to which a shard was read, whether or not it was taken.
func (b *bundledJob) live(i int) int64 {
	r := b.reader(i)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live
}

func (b *bundledJob) reader(i int) *reader {
	e := b.shards[i].elem
	return b.session.state(e.Stream.ID(), e.ID).reader
}

// bundle lets shards be looked at in one bundle, and returns the watermark that the first one reports.
func (b *bundledJob) bundle(t *testing.T, shards ...int) int64 {
	t.Helper()
	for n, i := range shards {
		if err := b.look(i, n == 0); err != nil {
			t.Fatal(err)
		}
	}
	return b.shards[shards[0]].watermark
}

// wait waits until a condition holds.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func TestTheFirstShardOfABundleReportsAllThatTheBundleBeforeHandedOn(t *testing.T) {
	for first := range 3 {
		b := newBundledJob(t)
		if err := b.list(0); err != nil {
			t.Fatal(err)
		}
		b.bundle(t, 0, 1, 2)
		if diff := cmp.Diff(4, len(b.texts())); diff != "" {
			t.Fatalf("records (-want +got):\n%s", diff)
		}
		if got := b.bundle(t, first); got < b.second {
			t.Errorf("shard %d, called first, reports %d, want at least %d", first, got, b.second)
		}
	}
}

func TestABundleThatFailedIsNotReported(t *testing.T) {
	b := newBundledJob(t)
	if err := b.list(0); err != nil {
		t.Fatal(err)
	}
	b.bundle(t, 0)
	b.hold(t) // so that shard 0 stays where it is
	var before []element[shard, progress]
	for _, e := range b.shards {
		before = append(before, *e)
	}
	records := b.texts()
	b.bundle(t, 0, 1, 2)
	if diff := cmp.Diff(len(records)+4, len(b.texts())); diff != "" {
		t.Fatalf("records (-want +got):\n%s", diff)
	}
	b.batches = nil
	for i := range b.shards { // what the runner stored
		*b.shards[i] = before[i]
	}
	for _, i := range []int{0, 1, 2} {
		if got := b.bundle(t, i); got > b.first {
			t.Errorf("shard %d reports %d, and a record that arrived at %d is to be repeated", i, got, b.first)
		}
	}
	b.release()
	b.until("the records again", func() bool { return len(b.texts()) == 4 })
	b.until("their watermark", func() bool { return b.shards[0].watermark >= b.second })
}

func TestAClosedShardHoldsTheWatermarkUntilItsEndIsCommitted(t *testing.T) {
	b := newBundledJob(t)
	shards := b.fake.Shards("s")
	b.fake.Split("s", shards[2].ID)
	b.clock.Advance(time.Minute)
	wait(t, "the end", func() bool {
		r := b.reader(2)
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.chunks[len(r.chunks)-1].Position.Done
	})
	if err := b.list(0); err != nil {
		t.Fatal(err)
	}
	b.bundle(t, 2)
	if at := b.shards[2].rest.At; !at.Done || b.shards[2].done {
		t.Fatalf("after its last record the shard is at %+v, done %v", at, b.shards[2].done)
	}
	b.bundle(t, 1)
	b.bundle(t, 1)
	if got := b.bundle(t, 0); got > b.first {
		t.Errorf("reported %d, and nobody knows that a record that arrived at %d is committed", got, b.first)
	}
	b.bundle(t, 2)
	if !b.shards[2].done {
		t.Error("the shard goes on behind its end")
	}
	b.until("the watermark", func() bool { return b.shards[0].watermark >= b.second })
}
