package sink

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/change"
)

func init() {
	register.DoFn3x1[context.Context, []byte, func([]byte), error](&WriteFn{})
	register.DoFn1x0[[]byte](&endFn{})
	register.Emitter1[[]byte]()
}

// shared holds the sinks that this process opened for a job: its transforms write to one.
var shared sync.Map

// Share makes an open sink the one that a job's transforms write to in this process; Unshare ends that.
func Share(job string, s Sink) { shared.Store(job, s) }

// Unshare ends Share.
func Unshare(job string) { shared.Delete(job) }

// WriteFn writes blocks of changes. In a process that shares no sink for the job, a remote worker, it opens one of its own
// and flushes it with every bundle.
type WriteFn struct {
	Job string
	URI string

	sink  Sink
	own   bool
	count *telemetry.Counters
}

// Setup finds the sink.
func (fn *WriteFn) Setup(ctx context.Context) error {
	fn.count = telemetry.For(fn.Job)
	if s, ok := shared.Load(fn.Job); ok {
		fn.sink = s.(Sink)
		return nil
	}
	s, err := Open(ctx, fn.URI, Options{})
	if err != nil {
		return fmt.Errorf("sink: open: %w", err)
	}
	fn.sink, fn.own = s, true
	return nil
}

// ProcessElement writes a block. It emits nothing: see Write.
func (fn *WriteFn) ProcessElement(ctx context.Context, block []byte, _ func([]byte)) error {
	b := change.Block(block)
	err := b.Each(func(c change.Change) error {
		fn.count.Change(c.Table, c.Delete)
		return nil
	})
	if err != nil {
		return err
	}
	return fn.sink.Write(ctx, b)
}

// FinishBundle flushes a sink of this worker's own.
func (fn *WriteFn) FinishBundle(ctx context.Context, _ func([]byte)) error {
	if !fn.own {
		return nil
	}
	return fn.sink.Flush(ctx)
}

// Teardown closes a sink of this worker's own.
func (fn *WriteFn) Teardown(ctx context.Context) error {
	if !fn.own {
		return nil
	}
	return fn.sink.Close(ctx)
}

// endFn ends the output that Write leaves empty.
type endFn struct{}

// ProcessElement is never called.
func (*endFn) ProcessElement([]byte) {}

// Write writes blocks of changes to the sink that uri names.
//
// It has an output that stays empty, behind a fusion break: while a stage without any output runs, Prism 2.77 polls two
// channels in a busy loop, which takes the processors from the stage itself (a 20,000 event replay took 200 s instead of
// 2 s).
func Write(s beam.Scope, job, uri string, blocks beam.PCollection) {
	s = s.Scope("sink.Write")
	none := beam.ParDo(s, &WriteFn{Job: job, URI: uri}, blocks)
	beam.ParDo0(s, &endFn{}, beam.Reshuffle(s, none))
}
