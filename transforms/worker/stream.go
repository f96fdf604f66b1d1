package worker

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/schemas/event"
	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn6x1[beam.EventTime, state.Provider, timers.Provider, string, []byte, func([]byte), error](&StreamFn{})
	register.Emitter1[[]byte]()
}

// StreamFn keeps the events of each worker and, when the watermark has passed them, folds the worker and emits what has
// changed.
type StreamFn struct {
	Job     string
	Options Options
	Known   state.Value[[]byte] // a keyed.State
	Passed  timers.EventTime

	settle settling
}

// Setup makes the folder.
func (fn *StreamFn) Setup() { fn.settle.setup(fn.Job, fn.Options) }

// ProcessElement adds a block of events to the worker and sees to it that the worker is folded.
func (fn *StreamFn) ProcessElement(ts beam.EventTime, sp state.Provider, tp timers.Provider, _ string, block []byte, _ func([]byte)) error {
	return keyed.Add(fn.Known, fn.Passed, sp, tp, int64(ts), block)
}

// OnTimer folds the worker.
func (fn *StreamFn) OnTimer(_ context.Context, _ beam.EventTime, sp state.Provider, tp timers.Provider, _ string, _ timers.Context, changes func([]byte)) error {
	s, err := keyed.Read(fn.Known, sp)
	if err != nil || s == nil {
		return err
	}
	if _, err := fn.settle.fold(s, fn.Options.AsOf, nil, changes); err != nil {
		return err
	}
	s.Pending = event.None
	return fn.Known.Write(sp, s.Encode())
}

// Stream turns (account and worker SID, event.Block) into blocks of changes.
func Stream(s beam.Scope, job string, o Options, workers beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("worker.Stream"), &StreamFn{
		Job: job, Options: o, Known: state.MakeValueState[[]byte]("known"), Passed: timers.InEventTime("passed"),
	}, workers)
}
