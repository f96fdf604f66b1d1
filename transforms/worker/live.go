package worker

import (
	"context"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/parallel"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn6x1[context.Context, beam.EventTime, timers.Provider, string, []byte, func([]byte), error](&LiveFn{})
	register.Emitter1[[]byte]()
}

// LiveFn folds the workers of a live stream, whose events are in the store of this process. Of the events of tasks it keeps those that
// the agent's row is made from. A running activity is written at
// each quarter hour that the watermark passes. The workers share one key, whose timers tell how far the watermark has come. What was settled a day ago is let go of: of a worker stay the events since, and
// the few before that later ones build on (docs/contract.md, section 10).
type LiveFn struct {
	Job     string
	Options Options
	AtOnce  bool // fold when events come, not when the watermark has passed them
	Due     timers.EventTime

	settle []settling // one for each goroutine
	store  *keyed.Store
}

// Setup makes the folders.
func (fn *LiveFn) Setup() {
	fn.settle = make([]settling, parallel.Workers())
	for i := range fn.settle {
		fn.settle[i].setup(fn.Job, fn.Options)
	}
	fn.store = keyed.StoreOf(fn.Job)
}

// ProcessElement sees to it that the workers are folded that wait for a time.
func (fn *LiveFn) ProcessElement(ctx context.Context, ts beam.EventTime, tp timers.Provider, _ string, _ []byte, changes func([]byte)) error {
	keyed.SetDue(fn.Due, tp, int64(ts))
	if fn.AtOnce {
		return fn.fold(ctx, fn.store.Take(keyed.Worker, int64(ts)), int64(ts), changes)
	}
	return nil
}

// OnTimer does what is due.
func (fn *LiveFn) OnTimer(ctx context.Context, ts beam.EventTime, tp timers.Provider, _ string, tc timers.Context, changes func([]byte)) error {
	now := int64(ts)
	keys := fn.store.Due(keyed.Worker, now)
	often := tc.Tag == keyed.Often || fn.store.Arm(keyed.Worker) // an earlier process may have counted less far
	if often {
		keys = append(keys, fn.store.Running(now)...)
		slices.Sort(keys)
		keys = slices.Compact(keys)
	}
	if err := fn.fold(ctx, keys, now, changes); err != nil {
		return err
	}
	if often {
		keyed.SetTimer(fn.Due, tp, agentstatus.Floor(now)+agentstatus.Quarter, keyed.Often)
	}
	return nil
}

// fold folds workers that waited for a time.
func (fn *LiveFn) fold(ctx context.Context, keys []string, now int64, changes func([]byte)) error {
	passed := fn.store.Watermark()
	return keyed.Fold(ctx, fn.store, keyed.Worker, len(fn.settle), keys, func(folder int, key string, l *keyed.Live) (block []byte, err error) {
		s := &fn.settle[folder]
		l.AsOf = max(l.AsOf, passed)
		events, err := s.fold(&l.State, max(l.AsOf, fn.Options.AsOf), settledBefore(l.Bound), func(b []byte) { block = b })
		if err != nil {
			return nil, err
		}
		if l.AsOf != event.None && l.SettleBound(l.AsOf) || spare(events) > mostSpare {
			if err := fn.release(key, l, events); err != nil {
				return nil, err
			}
		}
		if l.Runs = s.folder.Runs(); l.Runs && l.AsOf == event.None {
			fn.store.Again(keyed.Worker, key, now) // once it is known up to when it runs
		}
		return block, nil
	}, func(b, block []byte) ([]byte, error) { return append(b, block...), nil }, changes)
}

// openFrom returns the begin of the first quarter hour that is not settled, for the bound of a worker; event.None where none is.
func openFrom(bound int64) int64 {
	if bound == event.None {
		return event.None
	}
	return agentstatus.Floor(bound)
}

// settledBefore returns what tells of a row whether it lies in a quarter hour that ends before the bound of a worker: nothing
// that may still come changes it.
func settledBefore(bound int64) func(model.TableID, model.Row) bool {
	if bound == event.None {
		return nil
	}
	open := openFrom(bound)
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
	for _, e := range needed(all, openFrom(l.Bound)) {
		b.Add(e, event.WorkerPart)
		if !e.OfTask {
			l.Distinct++
		}
	}
	if settled := settledBefore(l.Bound); settled != nil {
		if err := l.Release(settled); err != nil {
			return err
		}
	}
	fn.store.Replace(keyed.Worker, key, l, b.Append(nil))
	return nil
}

// mostSpare is how many events of tasks, beyond those that the agent's row is made from, a worker keeps about.
const mostSpare = 8

// spare returns about how many events say nothing of the worker's time.
func spare(events []event.Event) (n int) {
	for i := range events {
		if ofTaskAlone(&events[i]) {
			n++
		}
	}
	return n
}

// ofTaskAlone tells whether an event says nothing of the worker's time, only how the agent was at the time.
func ofTaskAlone(e *event.Event) bool { return e.OfTask && !e.Kind.OfWorker() }

// needed returns those of a worker's distinct events, in order, that decide about the quarter hours from open on and about the agent: the
// worker's own events from then on, the last update of the activity before and the last deletion; and those that the agent's row is made from.
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
		return (e.Time < open || ofTaskAlone(e)) && e != update && e != deleted && e != newest && e != attributed && e != named
	})
}

// Live turns (key of all workers, nothing) at each time that workers wait for into blocks of changes.
func Live(s beam.Scope, job string, o Options, atOnce bool, workers beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("worker.Live"), &LiveFn{Job: job, Options: o, AtOnce: atOnce, Due: timers.InEventTime("due")}, workers)
}
