package task

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn7x1[beam.EventTime, state.Provider, timers.Provider, string, []byte, func([]byte), func(string, []byte), error](&StreamFn{})
	register.Emitter1[[]byte]()
	register.Emitter2[string, []byte]()
}

// StreamFn keeps the events of each task and, when the watermark has passed them, folds the task and emits what has changed.
type StreamFn struct {
	Job     string
	Options Options
	Known   state.Value[[]byte] // a keyed.State
	Passed  timers.EventTime

	settle settling
}

// Setup makes the folder.
func (fn *StreamFn) Setup() { fn.settle.setup(fn.Job, fn.Options) }

// ProcessElement adds a block of events to the task and sees to it that the task is folded.
func (fn *StreamFn) ProcessElement(ts beam.EventTime, sp state.Provider, tp timers.Provider, _ string, block []byte, _ func([]byte), _ func(string, []byte)) error {
	return keyed.Add(fn.Known, fn.Passed, sp, tp, int64(ts), block)
}

// OnTimer folds the task.
func (fn *StreamFn) OnTimer(_ context.Context, _ beam.EventTime, sp state.Provider, tp timers.Provider, _ string, _ timers.Context, changes func([]byte), sightings func(string, []byte)) error {
	s, err := keyed.Read(fn.Known, sp)
	if err != nil || s == nil {
		return err
	}
	_, err = fn.settle.fold(s, changes, func(id string, r model.Row) {
		sightings(r[0].Str, customer.Sightings(nil).Append(id, r))
	})
	if err != nil {
		return err
	}
	s.Pending = event.None
	return fn.Known.Write(sp, s.Encode())
}

// Stream turns (account and task SID, event.Block) into blocks of changes and (contact, customer.Sightings).
func Stream(s beam.Scope, job string, o Options, tasks beam.PCollection) (changes, sightings beam.PCollection) {
	return beam.ParDo2(s.Scope("task.Stream"), &StreamFn{
		Job: job, Options: o, Known: state.MakeValueState[[]byte]("known"), Passed: timers.InEventTime("passed"),
	}, tasks)
}
