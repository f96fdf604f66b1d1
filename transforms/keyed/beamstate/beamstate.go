// Package beamstate is the driver of keyed states that keeps them where Beam does: in one state
// cell for each key, with one event-time timer. It serves streams on remote runners, and replays of
// files.
package beamstate

import (
	"context"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/dofn"
	"flexbeam/pipeline/runtime"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/keyed"
)

func init() {
	beam.RegisterDoFn(&SplitFn{})
	dofn.Register(func(fn *SelectFn) []dofn.Method {
		return []dofn.Method{{Name: "ProcessElement", Func: fn.ProcessElement, Call: func(a []any) error {
			return fn.ProcessElement(a[0].(string), a[1].([]byte), a[2].(func(string, []byte)))
		}}}
	})
	dofn.Register(func(fn *ProcessFn) []dofn.Method {
		return []dofn.Method{
			{Name: "ProcessElement", Func: fn.ProcessElement, Call: func(a []any) error {
				return fn.ProcessElement(a[0].(context.Context), a[1].(beam.EventTime), a[2].(state.Provider), a[3].(timers.Provider),
					a[4].(string), a[5].([]byte), a[6].(func([]byte)), a[7].(func(string, []byte)))
			}},
			{Name: "OnTimer", Func: fn.OnTimer, Call: func(a []any) error {
				return fn.OnTimer(a[0].(context.Context), a[1].(beam.EventTime), a[2].(state.Provider), a[3].(timers.Provider),
					a[4].(string), a[5].(timers.Context), a[6].(func([]byte)), a[7].(func(string, []byte)))
			}},
		}
	})
	register.Emitter3[beam.EventTime, string, []byte]()
	register.Emitter2[string, []byte]()
	register.Emitter1[[]byte]()
}

// Driver keeps states in Beam's cells.
type Driver struct{}

// Partition implements the pipeline's Driver: the decoder sorts events by their keys.
func (Driver) Partition() int { return 0 }

// Process turns batches into blocks of changes.
func (Driver) Process(s beam.Scope, job runtime.Job, kinds []keyed.Spec, batches beam.PCollection) (all []beam.PCollection, err error) {
	var fed []beam.PCollection // inputs that earlier kinds gave, of all kinds
	for _, spec := range kinds {
		kind, err := spec.Kind()
		if err != nil {
			return nil, err
		}
		s := s.Scope("keyed.State." + kind.Name)
		var inputs []beam.PCollection
		if kind.Route != nil {
			inputs = append(inputs, beam.ParDo(s, &SplitFn{Kind: kind.ID}, batches))
		}
		for _, f := range fed {
			inputs = append(inputs, beam.ParDo(s, &SelectFn{Kind: kind.ID}, f))
		}
		gathered := inputs[0]
		if len(inputs) > 1 {
			gathered = beam.Flatten(s, inputs...)
		}
		changes, later := beam.ParDo2(s, &ProcessFn{
			Job: job, Spec: spec, State: state.MakeValueState[[]byte]("state"), Due: timers.InEventTime("due"),
		}, gathered)
		all, fed = append(all, changes), append(fed, later)
	}
	return all, nil
}

// SplitFn gives the inputs of one kind by their keys, each at its time.
type SplitFn struct {
	Kind byte
}

// ProcessElement takes a batch.
func (fn *SplitFn) ProcessElement(b keyed.Batch, emit func(beam.EventTime, string, []byte)) {
	for i := range b.Inputs {
		if in := &b.Inputs[i]; in.Kind == fn.Kind {
			emit(timestamp(in.Time), in.Key, in.Append(nil, true))
		}
	}
}

// timestamp returns a time as Beam's event time, within what Beam's windows hold.
func timestamp(t keyed.Millis) beam.EventTime {
	const day = 24 * 60 * 60 * 1000
	return min(max(beam.EventTime(t), mtime.MinTimestamp+day), beam.EventTime(keyed.End)-day)
}

// SelectFn gives the inputs of one kind among those that other kinds gave.
type SelectFn struct {
	Kind byte
}

// ProcessElement takes an input whose key has its kind in front.
func (fn *SelectFn) ProcessElement(key string, input []byte, emit func(string, []byte)) error {
	if key[0] == fn.Kind {
		emit(key[1:], input)
	}
	return nil
}

// ProcessFn keeps the state of each key and, when the watermark has passed what came, processes it.
type ProcessFn struct {
	Job   runtime.Job
	Spec  keyed.Spec
	State state.Value[[]byte] // a keyed.State
	Due   timers.EventTime

	shared *runtime.Runtime
	kind   *keyed.Kind
	logic  keyed.Logic
	now    func() time.Time
}

// Setup makes the rules.
func (fn *ProcessFn) Setup() error {
	fn.shared = runtime.Acquire(fn.Job)
	kind, logics, err := fn.Spec.Logics(1, fn.shared.Env())
	if err != nil {
		return err
	}
	fn.kind, fn.logic, fn.now = kind, logics[0], fn.shared.Counters.Now
	return nil
}

// Teardown gives back what Setup took.
func (fn *ProcessFn) Teardown(ctx context.Context) error { return fn.shared.Release(ctx) }

// ProcessElement adds an input to the state of its key and sees to it that the key is processed.
func (fn *ProcessFn) ProcessElement(ctx context.Context, ts beam.EventTime, sp state.Provider, tp timers.Provider, key string, input []byte, changes func([]byte), later func(string, []byte)) (failed error) {
	defer fn.shared.Note(&failed)
	in, _, err := keyed.ReadInput(input)
	if err != nil {
		return err
	}
	s, err := fn.read(sp)
	if err != nil {
		return err
	}
	whole := in // Add takes out of in what comes too late
	late, err := fn.kind.Add(fn.logic, s, &in)
	if err != nil {
		return err
	}
	if len(late) > 0 {
		if block := deadletter.LateBlock(&whole, late, fn.shared.Counters); len(block) > 0 {
			changes(block)
		}
		if len(late) == len(whole.Events) {
			return nil // the state is as it was
		}
	}
	if fn.kind.Immediate {
		return fn.process(ctx, s, sp, tp, key, keyed.None, changes, later)
	}
	if at := keyed.Millis(ts); s.Next == keyed.None || at < s.Next {
		s.Next = at
		fn.set(tp, at)
	}
	return fn.State.Write(sp, s.Append(nil))
}

// OnTimer processes the key.
func (fn *ProcessFn) OnTimer(ctx context.Context, ts beam.EventTime, sp state.Provider, tp timers.Provider, key string, _ timers.Context, changes func([]byte), later func(string, []byte)) (failed error) {
	defer fn.shared.Note(&failed)
	s, err := fn.read(sp)
	if err != nil {
		return err
	}
	now := keyed.Millis(ts)
	if s.Arrival != keyed.None {
		now = keyed.Fired(now, fn.now())
	}
	return fn.process(ctx, s, sp, tp, key, now, changes, later)
}

func (fn *ProcessFn) process(ctx context.Context, s *keyed.State, sp state.Provider, tp timers.Provider, key string, now keyed.Millis, changes func([]byte), later func(string, []byte)) error {
	prior, err := fn.shared.PriorRows(ctx)
	if err != nil {
		return err
	}
	look, err := prior.Looker(ctx, fn.kind)
	if err != nil {
		return err
	}
	out := keyed.Output{Look: look.Look(key)}
	next, done, err := fn.kind.Process(fn.logic, s, now, &out)
	for err == nil && out.Ask != nil {
		var found map[string]*keyed.Found
		if found, err = look.Find(ctx, []keyed.Ask{{Key: key, Span: *out.Ask}}); err != nil {
			return err
		}
		s.Learn(found[key])
		next, done, err = fn.kind.Process(fn.logic, s, now, &out)
	}
	if err != nil {
		return err
	}
	fn.shared.Counters.Folded(out.Distinct, out.Copies)
	fn.shared.Counters.Missing.Add(out.Evidence)
	fn.shared.Counters.LeftAlone(fn.kind.Name, out.Alone)
	if len(out.Changes) > 0 {
		changes(out.Changes)
	}
	for i := range out.Inputs {
		in := &out.Inputs[i]
		later(string(rune(in.Kind))+in.Key, in.Append(nil, true))
	}
	if done {
		return fn.State.Clear(sp)
	}
	if s.Next = next; next != keyed.None {
		fn.set(tp, next)
	}
	return fn.State.Write(sp, s.Append(nil))
}

// read returns the state in the cell.
func (fn *ProcessFn) read(p state.Provider) (*keyed.State, error) {
	b, _, err := fn.State.Read(p)
	if err != nil {
		return nil, err
	}
	return keyed.ReadState(b)
}

// set sets the timer of a key, and holds the output's watermark there.
func (fn *ProcessFn) set(tp timers.Provider, at keyed.Millis) {
	t := time.UnixMilli(int64(at))
	fn.Due.Set(tp, t, timers.WithOutputTimestamp(t))
}
