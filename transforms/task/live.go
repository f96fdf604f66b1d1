package task

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/parallel"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn6x1[context.Context, beam.EventTime, timers.Provider, string, []byte, func([]byte), error](&LiveFn{})
	register.Emitter1[[]byte]()
}

// LiveFn folds the tasks of a live stream, whose events are in the store of this process, and lets go of those that are
// over: of a task that has ended a day after its last event came, of any other 15 days after it (docs/contract.md, section
// 10). A marker stays, so that later events are known to be late. The tasks share one key, whose timers tell how far the
// watermark has come.
type LiveFn struct {
	Job     string
	Options Options
	AtOnce  bool // fold when events come, not when the watermark has passed them
	Due     timers.EventTime

	settle []settling // one for each goroutine
	store  *keyed.Store
}

// sweepEvery is how often tasks that are over are let go of, ms of arrival time.
const sweepEvery = 60 * 60 * 1000

// Setup makes the folders.
func (fn *LiveFn) Setup() {
	fn.settle = make([]settling, parallel.Workers())
	for i := range fn.settle {
		fn.settle[i].setup(fn.Job, fn.Options)
	}
	fn.store = keyed.StoreOf(fn.Job)
}

// ProcessElement sees to it that the tasks are folded that wait for a time.
func (fn *LiveFn) ProcessElement(ctx context.Context, ts beam.EventTime, tp timers.Provider, _ string, _ []byte, changes func([]byte)) error {
	keyed.SetDue(fn.Due, tp, int64(ts))
	if fn.AtOnce {
		return fn.fold(ctx, fn.store.Take(keyed.Task, int64(ts)), int64(ts), changes)
	}
	return nil
}

// OnTimer does what is due.
func (fn *LiveFn) OnTimer(ctx context.Context, ts beam.EventTime, tp timers.Provider, _ string, tc timers.Context, changes func([]byte)) error {
	now := int64(ts)
	if err := fn.fold(ctx, fn.store.Due(keyed.Task, now), now, changes); err != nil {
		return err
	}
	if tc.Tag == keyed.Often || fn.store.Arm(keyed.Task) {
		fn.store.Sweep(now)
		keyed.SetTimer(fn.Due, tp, now+sweepEvery, keyed.Often)
	}
	return nil
}

// fold folds tasks that waited for a time.
func (fn *LiveFn) fold(ctx context.Context, keys []string, now int64, changes func([]byte)) error {
	return keyed.Fold(ctx, fn.store, keyed.Task, len(fn.settle), keys, func(folder int, key string, l *keyed.Live) (f folded, err error) {
		s := &fn.settle[folder]
		_, err = s.fold(&l.State, func(b []byte) { f.block = b }, func(id string, r model.Row) {
			f.contacts = append(f.contacts, customer.Sight(id, r))
		})
		if err != nil {
			return f, err
		}
		f.since = l.Since
		fn.store.Shorten(key, l)
		fn.store.Settles(key, l)
		return f, nil
	}, func(b []byte, f folded) ([]byte, error) {
		fn.settle[0].count.Observe(f.since)
		b = append(b, f.block...)
		for _, s := range f.contacts {
			var err error
			if b, err = fn.store.Contacts().Take(s, now, b); err != nil {
				return nil, err
			}
		}
		return b, nil
	}, changes)
}

// folded is what the fold of a task gave.
type folded struct {
	block    []byte // of changes
	contacts []customer.Sighted
	since    int64 // arrival of the first event that waited, ms
}

// Live turns (key of all tasks, nothing) at each time that tasks wait for into blocks of changes.
func Live(s beam.Scope, job string, o Options, atOnce bool, tasks beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("task.Live"), &LiveFn{Job: job, Options: o, AtOnce: atOnce, Due: timers.InEventTime("due")}, tasks)
}
