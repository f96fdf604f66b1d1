package kinesisio

import (
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

func TestADrainedJobHandsOnNoMoreAndItsWatermarkReachesTheNewestRecord(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 2)
	shards := f.Shards("s")
	f.Put("s", kinesisfake.Record{ExplicitHashKey: shards[0].HashKey, Data: []byte("old")})
	clock.Advance(time.Minute)
	newest := clock.Now().UnixMilli()
	f.Put("s", kinesisfake.Record{ExplicitHashKey: shards[1].HashKey, Data: []byte("new")})
	hold := f.Inject(kinesisfake.Fault{Operation: "GetRecords", Shard: shards[0].ID, Error: "InternalFailureException"})
	r := newRunner(t, clock, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	r.until("the new record", func() bool { return len(r.texts()) == 1 })
	before := len(r.batches)
	if err := r.control.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	hold.Remove()
	clock.Advance(time.Minute)
	for range 20 {
		if err := r.round(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if diff := cmp.Diff(before, len(r.batches)); diff != "" {
		t.Errorf("batches after the drain (-want +got):\n%s", diff)
	}
	for _, e := range r.shards {
		if e.watermark != newest {
			t.Errorf("watermark of %s: %d, want %d", e.elem.ID, e.watermark, newest)
		}
	}
	if got := r.streams[0].watermark; got != newest {
		t.Errorf("watermark of the list: %d, want %d", got, newest)
	}
}

func TestADrainEndsACallBehindItsBatch(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 1)
	r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	r.until("the first batch", func() bool { return len(r.batches) > 0 })
	for range 20 {
		f.Put("s", kinesisfake.Record{Data: make([]byte, 1<<20)})
	}
	e := r.shards[0]
	rd := r.session.state("s", e.elem.ID).reader
	wait(t, "several answers", func() bool {
		rd.mu.Lock()
		defer rd.mu.Unlock()
		return rd.bytes > 10<<20
	})
	drained := make(chan error, 1)
	batches := 0
	rt := r.read.CreateTracker(e.rest)
	_, err := r.read.ProcessElement(t.Context(), estimators{}.CreateWatermarkEstimator(e.state), rt, e.elem, func(beam.EventTime, Batch) {
		if batches++; batches == 1 {
			go func() { drained <- r.control.Drain(t.Context()) }()
			wait(t, "the drain", r.control.Draining)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(1, batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}
