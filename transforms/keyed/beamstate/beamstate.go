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
	"flexbeam/internal/span"
	"flexbeam/pipeline/runtime"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/chain"
	"flexbeam/transforms/write"
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
func (Driver) Process(s beam.Scope, job runtime.Job, kinds []keyed.Spec, batches beam.PCollection) ([]write.Blocks, error) {
	return chain.Link(s, chain.Transforms{
		Scope:  "keyed.State",
		Split:  func(kind byte) any { return &SplitFn{Kind: kind} },
		Select: func(kind byte) any { return &SelectFn{Kind: kind} },
		Process: func(s beam.Scope, spec keyed.Spec, inputs beam.PCollection) (changes, later beam.PCollection) {
			return beam.ParDo2(s, &ProcessFn{
				Job: job, Spec: spec, State: state.MakeValueState[[]byte]("state"), Due: timers.InEventTime("due"),
			}, inputs)
		},
	}, kinds, batches)
}

// SplitFn gives the inputs of one kind by their keys. Those of a key are gathered over a bundle and given
// as one element, one behind the other, at the time of the earliest: each element costs a reading and a
// writing of its key's state.
type SplitFn struct {
	Kind byte

	gathered map[string]int // index in elements, by key
	elements []element
	bytes    int // of all elements
}

// An element is what SplitFn gives for a key.
type element struct {
	key    string
	at     beam.EventTime
	inputs []byte
}

// mostGathered is how many bytes of inputs a bundle gathers before it gives them.
const mostGathered = 64 << 20

// StartBundle begins what the runner commits at once.
func (fn *SplitFn) StartBundle(func(beam.EventTime, string, []byte)) {
	fn.gathered, fn.elements, fn.bytes = map[string]int{}, nil, 0
}

// ProcessElement takes a batch.
func (fn *SplitFn) ProcessElement(b keyed.Batch, emit func(beam.EventTime, string, []byte)) {
	for i := range b.Inputs {
		in := &b.Inputs[i]
		if in.Kind != fn.Kind {
			continue
		}
		n, ok := fn.gathered[in.Key]
		if !ok {
			n = len(fn.elements)
			fn.gathered[in.Key] = n
			fn.elements = append(fn.elements, element{key: in.Key, at: timestamp(in.Time)})
		}
		e := &fn.elements[n]
		before := len(e.inputs)
		e.at, e.inputs = min(e.at, timestamp(in.Time)), in.Append(e.inputs, true)
		if fn.bytes += len(e.inputs) - before; fn.bytes > mostGathered {
			fn.give(emit)
		}
	}
}

// FinishBundle gives what the bundle has gathered.
func (fn *SplitFn) FinishBundle(emit func(beam.EventTime, string, []byte)) { fn.give(emit) }

func (fn *SplitFn) give(emit func(beam.EventTime, string, []byte)) {
	for _, e := range fn.elements {
		emit(e.at, e.key, e.inputs)
	}
	fn.gathered, fn.elements, fn.bytes = map[string]int{}, nil, 0
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
	State state.Value[[]byte] // a cell
	Due   timers.EventTime

	shared  *runtime.Runtime
	kind    *keyed.Kind
	logic   keyed.Logic
	now     func() time.Time
	written *written // nil: the kind's states need not outlive the process
	paths   *paths
	ahead   *ahead
}

// Setup makes the rules.
func (fn *ProcessFn) Setup() error {
	fn.shared = runtime.Acquire(fn.Job)
	env, err := fn.shared.Env()
	if err != nil {
		return err
	}
	kind, logics, err := fn.Spec.Logics(1, env)
	if err != nil {
		return err
	}
	fn.kind, fn.logic, fn.now = kind, logics[0], fn.shared.Counters.Now
	fn.paths = &paths{part: kind.Part, attributes: env.Attributes, own: env.Attributes.Own()}
	fn.ahead = fn.shared.Share("ahead "+kind.Name, func() any { return newAhead(fn.now) }).(*ahead)
	if kind.Volatile {
		return nil
	}
	fn.written = fn.shared.Share("written "+kind.Name, func() any { return newWritten() }).(*written)
	return nil
}

// Teardown gives back what Setup took.
func (fn *ProcessFn) Teardown(ctx context.Context) error { return fn.shared.Release(ctx) }

// ProcessElement adds inputs to the state of their key and sees to it that the key is processed.
func (fn *ProcessFn) ProcessElement(ctx context.Context, ts beam.EventTime, sp state.Provider, tp timers.Provider, key string, inputs []byte, changes func([]byte), later func(string, []byte)) (failed error) {
	defer fn.shared.Note(&failed)
	s, behind, err := fn.read(sp, key)
	if err != nil {
		return err
	}
	due, some := keyed.None, false
	for rest := inputs; len(rest) > 0; {
		var in keyed.Input
		alone := len(rest) == len(inputs)
		if in, rest, err = keyed.ReadInput(rest); err != nil {
			return err
		}
		added, err := fn.add(ctx, s, &in, key, behind, changes)
		if err != nil {
			return err
		}
		if !added {
			continue
		}
		t := keyed.Millis(timestamp(in.Time))
		if alone && len(rest) == 0 {
			t = keyed.Millis(ts) // what another kind gave has no other time
		}
		if some = true; due == keyed.None || t < due {
			due = t
		}
	}
	switch {
	case !some:
		return nil // the state is as it was
	case fn.kind.Immediate:
		return fn.process(ctx, at{s, key, keyed.None, behind}, sp, tp, changes, later)
	case s.Next == keyed.None || due < s.Next:
		s.Next = due
		fn.set(tp, due)
	}
	return fn.write(sp, key, s)
}

// add adds an input to the state of its key, unless all of it comes too late.
func (fn *ProcessFn) add(ctx context.Context, s *keyed.State, in *keyed.Input, key string, behind bool, changes func([]byte)) (added bool, err error) {
	whole := *in // Add takes out of in what comes too late
	late, err := fn.kind.Add(fn.logic, s, in)
	if err != nil {
		return false, err
	}
	if len(late) > 0 {
		if block := deadletter.LateBlock(&whole, late, fn.shared.Counters); len(block) > 0 {
			changes(block)
		}
		if len(late) == len(whole.Events) {
			return false, nil
		}
	}
	if fn.kind.Immediate {
		return true, nil
	}
	return true, fn.expect(ctx, s, in, key, behind)
}

// expect notes whether the rules will ask for the rows of a key that got an input when it is processed.
func (fn *ProcessFn) expect(ctx context.Context, s *keyed.State, in *keyed.Input, key string, behind bool) error {
	prior, err := fn.shared.PriorRows(ctx)
	if err != nil {
		return err
	}
	var days span.Set
	for _, e := range in.Events {
		days = days.Add(span.Days(int64(e.Time), keyed.Around))
	}
	if behind || !s.Looked() && prior.Holds(fn.kind, key, days) {
		fn.ahead.want(key, days, behind)
	}
	return nil
}

// OnTimer processes the key.
func (fn *ProcessFn) OnTimer(ctx context.Context, ts beam.EventTime, sp state.Provider, tp timers.Provider, key string, _ timers.Context, changes func([]byte), later func(string, []byte)) (failed error) {
	defer fn.shared.Note(&failed)
	s, behind, err := fn.read(sp, key)
	if err != nil {
		return err
	}
	now := keyed.Millis(ts)
	if s.Arrival != keyed.None {
		now = keyed.Fired(now, fn.now())
	}
	return fn.process(ctx, at{s, key, now, behind}, sp, tp, changes, later)
}

// at is a key that is processed at a time.
type at struct {
	state  *keyed.State
	key    string
	now    keyed.Millis // how far the watermark has come; keyed.None if that is not known
	behind bool         // rows may have been emitted since the state was written
}

func (fn *ProcessFn) process(ctx context.Context, a at, sp state.Provider, tp timers.Provider, changes func([]byte), later func(string, []byte)) error {
	var out keyed.Output
	next, done, err := fn.fold(ctx, a, &out)
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
		return fn.clear(sp, a.key)
	}
	if a.state.Next = next; next != keyed.None {
		fn.set(tp, next)
	}
	return fn.write(sp, a.key, a.state)
}

// fold makes the rows of a key, and looks up what the rules ask for. It returns what Kind.Process does.
func (fn *ProcessFn) fold(ctx context.Context, a at, out *keyed.Output) (next keyed.Millis, done bool, err error) {
	prior, err := fn.shared.PriorRows(ctx)
	if err != nil {
		return keyed.None, false, err
	}
	look, err := prior.Looker(ctx, fn.kind)
	if err != nil {
		return keyed.None, false, err
	}
	if a.behind {
		look = look.Anew()
	}
	out.Look = look.Look(a.key)
	next, done, err = fn.kind.Process(fn.logic, a.state, a.now, out)
	for err == nil && out.Ask != nil {
		var found *keyed.Found
		if found, err = fn.ahead.find(ctx, look, a.behind, *out.Ask); err != nil {
			return keyed.None, false, err
		}
		a.state.Learn(found)
		next, done, err = fn.kind.Process(fn.logic, a.state, a.now, out)
	}
	fn.ahead.done(a.key)
	if err == nil && a.behind {
		fn.written.found(a.key)
	}
	return next, done, err
}

// read returns the state in the cell, and whether it is behind the rows of the key.
func (fn *ProcessFn) read(p state.Provider, key string) (s *keyed.State, behind bool, err error) {
	b, _, err := fn.State.Read(p)
	if err != nil {
		return nil, false, err
	}
	c, err := readCell(b)
	if err == nil {
		err = fn.paths.adapt(c.state)
	}
	if err != nil {
		return nil, false, err
	}
	if fn.written == nil {
		return c.state, false, nil
	}
	return c.state, fn.written.read(key, c), nil
}

func (fn *ProcessFn) write(p state.Provider, key string, s *keyed.State) error {
	fn.paths.mark(s)
	c := cell{state: s}
	if fn.written != nil {
		c = fn.written.write(key, s)
	}
	return fn.State.Write(p, c.append(nil))
}

// clear clears the cell of a key.
func (fn *ProcessFn) clear(p state.Provider, key string) error {
	if fn.written != nil {
		fn.written.clear(key)
	}
	return fn.State.Clear(p)
}

// set sets the timer of a key. Its output timestamp is the time for which it is set: so it holds the
// watermark of the output there and no earlier, and OnTimer, to which Beam gives that timestamp, gets
// the time.
func (fn *ProcessFn) set(tp timers.Provider, at keyed.Millis) {
	t := time.UnixMilli(int64(at))
	fn.Due.Set(tp, t, timers.WithOutputTimestamp(t))
}
