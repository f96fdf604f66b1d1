package local

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/change"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/write"
)

func init() {
	beam.RegisterDoFn(&AddFn{})
	beam.RegisterDoFn(&WakeFn{})
	beam.RegisterDoFn(&ProcessFn{})
	register.Emitter3[beam.EventTime, string, []byte]()
	register.Emitter1[[]byte]()
}

// allKeys is the key that all keys share.
const allKeys = "all"

// of returns the store of a job.
func of(r *runtime.Runtime) (*Store, error) {
	if s, ok := r.States.(*Store); ok {
		return s, nil
	}
	return nil, fmt.Errorf("%w: the states of this stream are in the process that began it, on the embedded runner", runtime.ErrMissing)
}

// AddFn adds what batches hold to the store of this process. Its outputs are (the shared key,
// nothing) at each time at which a timer has to be set, and blocks of changes with the dead letters
// of events that came too late.
type AddFn struct {
	Job runtime.Job

	shared *runtime.Runtime
	store  *Store
}

// Setup finds the store.
func (fn *AddFn) Setup() (err error) {
	fn.shared = runtime.Acquire(fn.Job)
	fn.store, err = of(fn.shared)
	return err
}

// Teardown gives back what Setup took.
func (fn *AddFn) Teardown(ctx context.Context) error { return fn.shared.Release(ctx) }

// ProcessElement adds a batch.
func (fn *AddFn) ProcessElement(ctx context.Context, b keyed.Batch, wake func(beam.EventTime, string, []byte), letters func([]byte)) (failed error) {
	defer fn.shared.Note(&failed)
	if err := ctx.Err(); err != nil {
		return err
	}
	err := fn.store.Add(b, func(at keyed.Millis) {
		wake(beam.EventTime(at), allKeys, nil)
	}, func(in *keyed.Input, events []int) {
		if block := deadletter.LateBlock(in, events, fn.shared.Counters); len(block) > 0 {
			letters(block)
		}
	})
	if err != nil {
		return fmt.Errorf("keep events: %w", err)
	}
	return nil
}

// WakeFn wakes what an earlier process left in the store: it has an element for each time that keys
// wait for.
type WakeFn struct {
	Job runtime.Job
}

// ProcessElement is called once.
func (fn *WakeFn) ProcessElement(_ []byte, wake func(beam.EventTime, string, []byte)) error {
	r := runtime.Acquire(fn.Job)
	defer r.Release(context.Background())
	s, err := of(r)
	if err != nil {
		return err
	}
	for _, at := range s.Times() {
		wake(beam.EventTime(at), allKeys, nil)
	}
	return nil
}

// ProcessFn processes the keys whose time has come, and lets go of what is over.
type ProcessFn struct {
	Job    runtime.Job
	AtOnce bool // process when something arrives, not when the watermark has passed it
	Due    timers.EventTime

	shared *runtime.Runtime
	store  *Store
}

// Setup finds the store.
func (fn *ProcessFn) Setup() (err error) {
	fn.shared = runtime.Acquire(fn.Job)
	fn.store, err = of(fn.shared)
	return err
}

// Teardown gives back what Setup took.
func (fn *ProcessFn) Teardown(ctx context.Context) error { return fn.shared.Release(ctx) }

// ProcessElement sees to it that what waits for a time is processed.
func (fn *ProcessFn) ProcessElement(ctx context.Context, ts beam.EventTime, tp timers.Provider, _ string, _ []byte, changes func([]byte)) (failed error) {
	defer fn.shared.Note(&failed)
	fn.set(tp, keyed.Millis(ts))
	if fn.AtOnce {
		return fn.process(ctx, tp, keyed.Millis(ts), fn.store.Watermark(), changes)
	}
	return nil
}

// periodic is the tag of the timer of what is done again and again. Each time that keys wait for
// has a timer with a tag of its own.
const periodic = "periodic"

// OnTimer does what is due. At the end of time that is to fold what waits, and nothing else.
func (fn *ProcessFn) OnTimer(ctx context.Context, ts beam.EventTime, tp timers.Provider, _ string, tc timers.Context, changes func([]byte)) (failed error) {
	defer fn.shared.Note(&failed)
	now := keyed.Millis(ts)
	if keyed.Fired(now, fn.shared.Counters.Now()) == keyed.End {
		return fn.process(ctx, tp, now, keyed.End, changes)
	}
	fn.store.AdvanceWatermark(now)
	if err := fn.process(ctx, tp, now, fn.store.Watermark(), changes); err != nil {
		return err
	}
	if tc.Tag == periodic || !fn.store.armed.Swap(true) {
		if err := fn.store.Expire(now); err != nil {
			return err
		}
		setTimer(fn.Due, tp, keyed.CeilHour(now+1), periodic)
	}
	return nil
}

// process processes what waits for a time up to at, when the watermark has come to now.
func (fn *ProcessFn) process(ctx context.Context, tp timers.Provider, at, now keyed.Millis, changes func([]byte)) error {
	prior, err := fn.shared.PriorRows(ctx)
	if err != nil {
		return err
	}
	count := fn.shared.Counters
	return fn.store.Process(ctx, at, Work{
		Now:     now,
		Prior:   prior,
		Changes: func(b change.Block) { changes(b) },
		Wake:    func(at keyed.Millis) { fn.set(tp, at) },
		Done: func(kind *keyed.Kind, out *keyed.Output) {
			count.Folded(out.Distinct, out.Copies)
			count.Missing.Add(out.Evidence)
			count.LeftAlone(kind.Name, out.Alone)
			if out.Waited != keyed.None {
				count.Observe(int64(out.Waited))
			}
		},
	})
}

// set sets the timer of a time that keys wait for.
func (fn *ProcessFn) set(tp timers.Provider, at keyed.Millis) {
	setTimer(fn.Due, tp, at, strconv.FormatInt(int64(at), 10))
}

// setTimer sets a timer for when the watermark passes a time, and holds the output's watermark there.
func setTimer(timer timers.EventTime, tp timers.Provider, at keyed.Millis, tag string) {
	t := time.UnixMilli(int64(at))
	timer.Set(tp, t, timers.WithOutputTimestamp(t), timers.WithTag(tag))
}

// Driver keeps states in this process. AtOnce processes them when something arrives, not when the
// watermark has passed it.
type Driver struct{ AtOnce bool }

// Partition implements the pipeline's Driver: the decoder sorts events by their keys.
func (Driver) Partition() int { return 0 }

// Process turns batches into blocks of changes: those with the dead letters of events that came too
// late, and those of rows. The store knows which kinds there are.
func (d Driver) Process(s beam.Scope, job runtime.Job, _ []keyed.Spec, batches beam.PCollection) ([]write.Blocks, error) {
	s = s.Scope("keyed.Local")
	woken, letters := beam.ParDo2(s, &AddFn{Job: job}, batches)
	recovered := beam.ParDo(s, &WakeFn{Job: job}, beam.Impulse(s))
	due := beam.Flatten(s, woken, recovered)
	changes := beam.ParDo(s, &ProcessFn{Job: job, AtOnce: d.AtOnce, Due: timers.InEventTime("due")}, due)
	return []write.Blocks{{Name: "late", PCollection: letters}, {Name: "rows", PCollection: changes}}, nil
}
