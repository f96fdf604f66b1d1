package worker

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/telemetry"
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

	folder *Folder
	count  *telemetry.Counters
}

// Setup makes the folder.
func (fn *StreamFn) Setup() {
	fn.count = telemetry.For(fn.Job)
	fn.folder = NewFolder(fn.Options)
}

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
	events, err := event.Decode(s.Blocks, nil)
	if err != nil {
		return err
	}
	groups := event.Groups(events, event.WorkerSID)
	if s.Folds == 0 {
		for _, g := range groups {
			s.Adopt(keyed.Of(fn.Job).Worker(g.Account, g.SID))
		}
	}
	s.Folds++
	settler := s.Settle()
	var own int64
	for _, g := range groups {
		n, err := fn.folder.Fold(g.Account, g.SID, g.Events, settler.Row)
		if err != nil {
			return err
		}
		own += int64(n)
	}
	fn.count.Distinct.Add(own - s.Distinct)
	s.Distinct, s.Pending = own, event.None
	block, err := settler.Done(fn.folder.Deleted)
	if err != nil {
		return err
	}
	if len(block) > 0 {
		changes(block)
	}
	return fn.Known.Write(sp, s.Encode())
}

// Stream turns (account and worker SID, event.Block) into blocks of changes.
func Stream(s beam.Scope, job string, o Options, workers beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("worker.Stream"), &StreamFn{
		Job: job, Options: o, Known: state.MakeValueState[[]byte]("known"), Passed: timers.InEventTime("passed"),
	}, workers)
}
