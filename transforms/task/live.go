package task

import (
	"context"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn6x1[beam.EventTime, timers.Provider, string, []byte, func([]byte), func(string, []byte), error](&LiveFn{})
	register.Emitter1[[]byte]()
	register.Emitter2[string, []byte]()
}

// LiveFn folds the tasks of a live stream, whose events are in the store of this process, and lets go of those that are
// over: of a task that has ended a day after its last event came, of any other 15 days after it (docs/contract.md, section
// 10). A marker stays, so that later events are known to be late.
type LiveFn struct {
	Job     string
	Options Options
	AtOnce  bool // fold when events come, not when the watermark has passed them
	Due     timers.EventTime

	settle settling
	store  *keyed.Store
	pack   event.Builder
}

// Setup makes the folder.
func (fn *LiveFn) Setup() {
	fn.settle.setup(fn.Job, fn.Options)
	fn.store = keyed.StoreOf(fn.Job)
}

// ProcessElement sees to it that a task is folded.
func (fn *LiveFn) ProcessElement(ts beam.EventTime, tp timers.Provider, key string, _ []byte, changes func([]byte), sightings func(string, []byte)) error {
	if fn.AtOnce {
		return fn.wake(int64(ts), tp, key, changes, sightings)
	}
	keyed.SetTimer(fn.Due, tp, int64(ts))
	return nil
}

// OnTimer does what is due.
func (fn *LiveFn) OnTimer(_ context.Context, ts beam.EventTime, tp timers.Provider, key string, _ timers.Context, changes func([]byte), sightings func(string, []byte)) error {
	return fn.wake(int64(ts), tp, key, changes, sightings)
}

// wake folds a task that waits for it, drops what is over, and sets the timer for what is due next.
func (fn *LiveFn) wake(now int64, tp timers.Provider, key string, changes func([]byte), sightings func(string, []byte)) error {
	l := fn.store.Lock(keyed.Task, key)
	if l == nil {
		return nil
	}
	defer l.Unlock()
	if l.Pending != event.None {
		events, err := fn.settle.fold(&l.State, changes, func(id string, r model.Row) {
			fn.store.OnTheWay(1)
			sightings(r[0].Str, customer.Sightings(nil).Append(id, r))
		})
		if err != nil {
			return err
		}
		fn.store.Folded(l)
		fn.store.SetClosed(l, ended(events))
		fn.settle.count.Observe(newest(events))
		if l.Closed {
			fn.repack(l, events)
		}
		if nameless(key) && len(l.Blocks) > namelessBytes {
			l.Distinct, l.Copies = 0, 0
			fn.store.Replace(keyed.Task, key, l, nil)
		}
	}
	if now < l.Expires() {
		keyed.SetTimer(fn.Due, tp, l.Expires())
		return nil
	}
	if l.Gone || nameless(key) {
		fn.store.Forget(keyed.Task, key, l)
		return nil
	}
	// The log may forget the task as soon as the sink has what was written until now; a contact may still be on its way to
	// where contacts meet, so it is written here as well.
	var block change.Block
	_, err := fn.settle.fold(&l.State, changes, func(_ string, r model.Row) {
		block = block.Append(change.Change{Table: model.CustomersID, Row: r})
	})
	if err != nil {
		return err
	}
	if len(block) > 0 {
		changes(block)
	}
	fn.store.Drop(keyed.Task, key, l)
	keyed.SetTimer(fn.Due, tp, l.Expires())
	return nil
}

// repack makes one compressed block of those that a task came in, which repeat each other's texts: most of what a stream keeps is
// tasks that have ended within the last day.
func (fn *LiveFn) repack(l *keyed.Live, events []event.Event) {
	fn.pack.Reset()
	for i := range events {
		fn.pack.Add(&events[i], event.TaskPart)
	}
	fn.store.Repack(keyed.Task, l, slices.Clone(event.Compress(fn.pack.Append(nil))))
}

// Events of no task, such as those of a queue's settings, are only counted. So many bytes of them are kept to know
// duplicates by.
const namelessBytes = 64 << 10

// nameless tells whether a key is that of the events of no task.
func nameless(key string) bool { return key[len(key)-1] == 0 }

// newest returns the time of the newest event in ms.
func newest(events []event.Event) int64 {
	at := int64(event.None)
	for i := range events {
		at = max(at, events[i].Time)
	}
	return at
}

// ended tells whether a task has ended.
func ended(events []event.Event) bool {
	for i := range events {
		switch events[i].Kind {
		case event.TaskCompleted, event.TaskCanceled, event.TaskDeleted, event.TaskSystemDeleted:
			return true
		}
	}
	return false
}

// Live turns (account and task SID, nothing) into blocks of changes and (contact, customer.Sightings).
func Live(s beam.Scope, job string, o Options, atOnce bool, tasks beam.PCollection) (changes, sightings beam.PCollection) {
	return beam.ParDo2(s.Scope("task.Live"), &LiveFn{Job: job, Options: o, AtOnce: atOnce, Due: timers.InEventTime("due")}, tasks)
}
