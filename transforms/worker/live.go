package worker

import (
	"context"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn5x1[beam.EventTime, timers.Provider, string, []byte, func([]byte), error](&LiveFn{})
	register.Emitter1[[]byte]()
}

// LiveFn folds the workers of a live stream, whose events are in the store of this process. A running activity is written at
// each quarter hour that the watermark passes. What was settled a day ago is let go of: of a worker stay the events since, and
// the few before that later ones build on (docs/contract.md, section 10).
type LiveFn struct {
	Job     string
	Options Options
	AtOnce  bool // fold when events come, not when the watermark has passed them
	Due     timers.EventTime

	settle settling
	store  *keyed.Store
}

// Setup makes the folder.
func (fn *LiveFn) Setup() {
	fn.settle.setup(fn.Job, fn.Options)
	fn.store = keyed.StoreOf(fn.Job)
}

// ProcessElement sees to it that a worker is folded.
func (fn *LiveFn) ProcessElement(ts beam.EventTime, tp timers.Provider, key string, _ []byte, changes func([]byte)) error {
	if fn.AtOnce {
		return fn.wake(int64(ts), event.None, tp, key, changes)
	}
	keyed.SetTimer(fn.Due, tp, int64(ts))
	return nil
}

// OnTimer does what is due.
func (fn *LiveFn) OnTimer(_ context.Context, ts beam.EventTime, tp timers.Provider, key string, _ timers.Context, changes func([]byte)) error {
	return fn.wake(int64(ts), int64(ts), tp, key, changes)
}

// wake folds a worker and, while an activity runs, sets the timer for the end of the quarter hour. passed is a time that the
// watermark has passed, event.None where nothing is known of it.
func (fn *LiveFn) wake(now, passed int64, tp timers.Provider, key string, changes func([]byte)) error {
	l := fn.store.Lock(keyed.Worker, key)
	if l == nil {
		return nil
	}
	defer l.Unlock()
	l.AsOf = max(l.AsOf, passed)
	events, err := fn.settle.fold(&l.State, max(l.AsOf, fn.Options.AsOf), settledBefore(l.Bound), changes)
	if err != nil {
		return err
	}
	fn.store.Folded(l)
	if l.AsOf != event.None && l.SettleBound(l.AsOf) {
		if err := fn.release(key, l, events); err != nil {
			return err
		}
	}
	switch {
	case !fn.settle.folder.Runs():
	case l.AsOf == event.None:
		keyed.SetTimer(fn.Due, tp, now)
	default:
		keyed.SetTimer(fn.Due, tp, agentstatus.Floor(l.AsOf)+agentstatus.Quarter)
	}
	return nil
}

// settledBefore returns what tells of a row whether it lies in a quarter hour that ends before the bound of a worker: nothing
// that may still come changes it.
func settledBefore(bound int64) func(model.TableID, model.Row) bool {
	if bound == event.None {
		return nil
	}
	open := agentstatus.Floor(bound)
	return func(t model.TableID, r model.Row) bool {
		return t == model.AgentStatusID && model.AgentStatus.Get(r, "interval_start").Num < open
	}
}

// release lets go of the events that nothing of what is still open needs, and of the rows that are settled.
func (fn *LiveFn) release(key string, l *keyed.Live, events []event.Event) error {
	all := make([]*event.Event, len(events))
	for i := range events {
		all[i] = &events[i]
	}
	all, err := event.Distinct(all)
	if err != nil {
		return err
	}
	var b event.Builder
	l.Distinct, l.Copies = 0, 0
	for _, e := range needed(all, agentstatus.Floor(l.Bound)) {
		b.Add(e, event.WorkerPart)
		if !e.OfTask {
			l.Distinct++
		}
	}
	if err := l.Release(settledBefore(l.Bound)); err != nil {
		return err
	}
	fn.store.Replace(keyed.Worker, key, l, b.Append(nil))
	return nil
}

// needed returns those of a worker's distinct events, in order, that decide about the quarter hours from open on and about the agent: the
// events from then on, the last update of the activity before and the last deletion; and those that the agent's row is made from.
func needed(events []*event.Event, open int64) []*event.Event {
	var update, deleted *event.Event
	for _, e := range events {
		switch {
		case e.Time >= open:
		case e.Kind == event.WorkerActivityUpdate:
			update = e
		case e.Kind == event.WorkerDeleted:
			deleted = e
		}
	}
	newest, attributed, named := agent.Deciding(events)
	return slices.DeleteFunc(events, func(e *event.Event) bool {
		return e.Time < open && e != update && e != deleted && e != newest && e != attributed && e != named
	})
}

// Live turns (account and worker SID, nothing) into blocks of changes.
func Live(s beam.Scope, job string, o Options, atOnce bool, workers beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("worker.Live"), &LiveFn{Job: job, Options: o, AtOnce: atOnce, Due: timers.InEventTime("due")}, workers)
}
