// Package write gives the changes of a job to its sink.
package write

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/dofn"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/transforms/deadletter"
)

func init() {
	dofn.Register(func(fn *Fn) []dofn.Method {
		return []dofn.Method{{Name: "ProcessElement", Func: fn.ProcessElement, Call: func(a []any) error {
			return fn.ProcessElement(a[0].(context.Context), a[1].([]byte), a[2].(func([]byte)))
		}}}
	})
	beam.RegisterDoFn(&endFn{})
	register.Emitter1[[]byte]()
}

// Fn writes blocks of changes to the sink that its process has open for the job. In a remote
// worker, where nobody else does, it flushes the sink with every bundle.
type Fn struct {
	Job runtime.Job

	shared *runtime.Runtime
	sink   sink.Sink
}

// Setup finds the sink.
func (fn *Fn) Setup(ctx context.Context) (err error) {
	fn.shared = runtime.Acquire(fn.Job)
	fn.sink, err = fn.shared.Sink(ctx)
	return err
}

// ProcessElement writes a block. It emits nothing: see Changes.
func (fn *Fn) ProcessElement(ctx context.Context, block []byte, _ func([]byte)) (err error) {
	defer fn.shared.Note(&err)
	b, letters := change.Block(block), false
	err = b.Each(func(c change.Change) error {
		fn.shared.Counters.Change(c.Table, c.Delete)
		if c.Table == model.DeadLettersID {
			letters = true
			fn.shared.Counters.LetterExample(deadletter.ExampleOf(c.Row))
		}
		return nil
	})
	if err == nil && letters && fn.Job.HidePayload {
		b, err = deadletter.WithoutPayload(b)
	}
	if err != nil {
		return err
	}
	return fn.sink.Write(ctx, b)
}

// FinishBundle flushes the sink of a remote worker, and reports what that has counted.
func (fn *Fn) FinishBundle(ctx context.Context, _ func([]byte)) (err error) {
	if !fn.shared.Remote() {
		return nil
	}
	defer fn.shared.Note(&err)
	fn.shared.Report(ctx)
	return fn.sink.Flush(ctx)
}

// Teardown gives back what Setup took.
func (fn *Fn) Teardown(ctx context.Context) error { return fn.shared.Release(ctx) }

// endFn ends the output that Changes leaves empty.
type endFn struct{}

// ProcessElement is never called.
func (*endFn) ProcessElement([]byte) {}

// Blocks is a PCollection of blocks, of changes for the sink or of inputs, with a name that tells it from
// others of its job. The name is part of those of the transforms that take it: a runner finds the state
// of transforms by their names.
type Blocks struct {
	Name string
	beam.PCollection
}

// Changes writes blocks of changes to the sink of a job. Each collection has a transform of its
// own, fused with what it comes from: so a dead letter is with the sink before the position behind
// it is kept.
//
// It has an output that stays empty, behind a fusion break: while a stage without any output runs,
// Prism 2.77 polls two channels in a busy loop, which takes the processors from the stage itself (a
// 20,000 event replay took 200 s instead of 2 s).
func Changes(s beam.Scope, job runtime.Job, blocks ...Blocks) {
	for _, b := range blocks {
		s := s.Scope("sink.Write." + b.Name)
		none := beam.ParDo(s, &Fn{Job: job}, b.PCollection)
		beam.ParDo0(s, &endFn{}, beam.Reshuffle(s, none))
	}
}
