package kinesisio

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/testkit/kinesisfake"
)

// BenchmarkCatchUp reads 256 MB of records of 2 KiB from four shards, at the pace that the service
// allows.
func BenchmarkCatchUp(b *testing.B) {
	const shards, size, count = 4, 2 << 10, 128 << 10
	f := kinesisfake.New(kinesisfake.Options{})
	if err := f.Start(); err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	f.CreateStream("s", shards)
	data := make([]byte, size)
	for i := range data {
		data[i] = 'a' + byte(rand.N(26))
	}
	batch := make([]kinesisfake.Record, 512)
	for n := 0; n < count; n += len(batch) {
		for i := range batch {
			batch[i] = kinesisfake.Record{PartitionKey: fmt.Sprint(n + i), Data: data}
		}
		f.Put("s", batch...)
	}
	b.SetBytes(size * count)
	for b.Loop() {
		got, batches := 0, 0
		r := newRunner(b, nil, []Stream{{Name: "s", Endpoint: f.URL}})
		r.session.pause = nil
		if err := r.list(0); err != nil {
			b.Fatal(err)
		}
		for got < count {
			r.read.StartBundle(context.Background(), nil)
			for _, e := range r.shards {
				rt := r.read.CreateTracker(e.rest)
				we := estimators{}.CreateWatermarkEstimator(e.state)
				if _, err := r.read.ProcessElement(context.Background(), we, rt, e.elem, func(_ beam.EventTime, b Batch) {
					got += b.Len()
					batches++
				}); err != nil {
					b.Fatal(err)
				}
				e.rest, e.state = rt.GetRestriction().(progress), we.own
			}
			time.Sleep(resumeDelay)
		}
		b.ReportMetric(float64(batches), "batches/op")
		r.close()
	}
}

// BenchmarkTake takes eight answers of 1 MB and 500 records each that a reader holds.
func BenchmarkTake(b *testing.B) {
	const answers, count, size = 8, 500, 2 << 10
	one := chunk{Batch: Batch{Data: make([]byte, count*size)}, fit: count * size}
	for i := range int64(count) {
		one.Ends = append(one.Ends, (i+1)*size)
		one.Sequences = append(one.Sequences, "49590338271490256608559692538361571095921575989136588898")
		one.Arrivals = append(one.Arrivals, i)
	}
	r := &reader{room: newBudget(1 << 40), taken: make(chan struct{}), lapse: time.NewTimer(time.Hour)}
	b.SetBytes(answers * count * size)
	b.ReportAllocs()
	for b.Loop() {
		for range answers {
			r.put(one, 0)
		}
		for {
			var batch Batch
			if _, ok, _ := r.take(&batch, batchBytes); !ok {
				break
			}
		}
	}
}
