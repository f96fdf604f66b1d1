package history

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"

	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/record"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/beamstate"
	"flexbeam/transforms/keyed/grouped"
)

var lastJob atomic.Int64

// start begins a job over a sink, whose rows are known to its transforms.
func (o Options) start(out sink.Sink) *runtime.Runtime { return o.startAt(out, time.Now) }

// startAt begins a job in a process that has a clock.
func (o Options) startAt(out sink.Sink, clock func() time.Time) *runtime.Runtime {
	r := runtime.Start(runtime.Job{ID: fmt.Sprint("history-", lastJob.Add(1))}, telemetry.New(clock), out, keyed.NewPriorRows(out))
	r.ContactKey, r.Transcripts = o.ContactKey, o.Transcripts
	return r
}

// store returns the store of a run.
func (o Options) store() *Store {
	if o.Store == nil {
		return NewStore()
	}
	return o.Store
}

// batches cuts lines into batches, behind every line for which cut says so.
func batches(lines [][]byte, o Options) []record.Batch {
	name := o.name()
	bs := []record.Batch{{Source: "file", Name: name, FirstLine: 1}}
	for i, l := range lines {
		b := &bs[len(bs)-1]
		b.Data = append(append(b.Data, bytes.TrimSuffix(l, []byte{'\n'})...), '\n')
		if o.Cut != nil && o.Cut() {
			bs = append(bs, record.Batch{Source: "file", Name: name, FirstLine: int64(i) + 2, Part: int64(len(bs))})
		}
	}
	return bs
}

// decoder returns a decoder of a job.
func decoder(r *runtime.Runtime, kinds []keyed.Spec, buckets int) *decode.Fn {
	d := &decode.Fn{Job: r.Job, Kinds: kinds, Buckets: buckets}
	must(d.Setup())
	return d
}

// Batch folds lines through the transforms of keyed/grouped, with the given number of buckets.
// Options.Cut says where a batch ends.
func Batch(lines [][]byte, buckets int, o Options) (Tables, *telemetry.Counters) {
	ctx, store := context.Background(), o.store()
	job := o.start(store)
	defer job.End()
	changes := func(b []byte) { must(store.Write(ctx, b)) }

	gathered, notes := map[byte]map[int][][]byte{}, [][]byte{}
	into := func(kind byte) func(int, []byte) {
		if gathered[kind] == nil {
			gathered[kind] = map[int][][]byte{}
		}
		return func(bucket int, b []byte) { gathered[kind][bucket] = append(gathered[kind][bucket], bytes.Clone(b)) }
	}
	d := decoder(job, o.kinds(), buckets)
	for _, b := range batches(lines, o) {
		if b.Part > 0 {
			b.FirstLine = 0 // as of a part of a file that is read for itself
		}
		must(d.ProcessElement(ctx, b, func(b keyed.Batch) {
			for _, spec := range o.kinds() {
				kind, err := spec.Kind()
				must(err)
				(&grouped.SplitFn{Kind: kind.ID}).ProcessElement(b, into(kind.ID))
			}
		}, changes, func(_ string, n []byte) { notes = append(notes, n) }))
	}
	must((&deadletter.NumberFn{}).ProcessElement(ctx, o.name(), all(notes), changes))
	for _, spec := range o.kinds() {
		kind, err := spec.Kind()
		must(err)
		fn := &grouped.ProcessFn{Job: job.Job, Spec: spec, Buckets: buckets}
		must(fn.Setup())
		later := func(bucket int, b []byte) { into(b[0])(bucket, b) }
		fn.StartBundle(ctx, changes, later)
		for bucket, inputs := range gathered[kind.ID] {
			must(fn.ProcessElement(ctx, bucket, all(inputs), changes, later))
		}
		must(fn.FinishBundle(ctx, changes, later))
	}
	return store.Tables(), job.Counters
}

// Stream folds lines through the transforms of keyed/beamstate. Options.Cut says where a batch
// ends, and then for every timer that is set whether it fires there; at the end all fire.
func Stream(lines [][]byte, o Options) (Tables, *telemetry.Counters) {
	store := o.store()
	s := newStates(o, o.start(store), func(b []byte) { must(store.Write(context.Background(), b)) })
	defer s.job.End()
	for _, b := range batches(lines, o) {
		s.read(b)
		for _, c := range s.cells {
			if c.set && o.Cut != nil && o.Cut() {
				s.fire(c)
			}
		}
	}
	for fired := true; fired; {
		fired = false
		for i := 0; i < len(s.cells); i++ { // there may be more meanwhile
			if c := s.cells[i]; c.set {
				s.fire(c)
				fired = true
			}
		}
	}
	return store.Tables(), s.job.Counters
}

// states is a run of keyed/beamstate. Its cells are in the order in which they were made, so that a
// draw means the same cell again.
type states struct {
	ctx     context.Context
	job     *runtime.Runtime
	changes func([]byte)
	decode  *decode.Fn
	fns     map[byte]*beamstate.ProcessFn // by kind
	cells   []*cell
	byKey   map[string]*cell
}

func newStates(o Options, job *runtime.Runtime, changes func([]byte)) *states {
	s := &states{ctx: context.Background(), job: job, changes: changes, fns: map[byte]*beamstate.ProcessFn{}, byKey: map[string]*cell{}}
	s.decode = decoder(s.job, o.kinds(), 0)
	for _, spec := range o.kinds() {
		kind, err := spec.Kind()
		must(err)
		fn := &beamstate.ProcessFn{Job: s.job.Job, Spec: spec, State: state.MakeValueState[[]byte]("state"), Due: timers.InEventTime("due")}
		must(fn.Setup())
		s.fns[kind.ID] = fn
	}
	return s
}

// read takes a batch of records.
func (s *states) read(b record.Batch) {
	must(s.decode.ProcessElement(s.ctx, b, func(b keyed.Batch) {
		for kind := range byte(len(s.fns)) {
			type element struct {
				ts    beam.EventTime
				key   string
				input []byte
			}
			var all []element
			fn := &beamstate.SplitFn{Kind: kind}
			emit := func(ts beam.EventTime, key string, input []byte) { all = append(all, element{ts, key, input}) }
			fn.StartBundle(emit)
			fn.ProcessElement(b, emit)
			fn.FinishBundle(emit)
			slices.SortFunc(all, func(a, b element) int { return strings.Compare(a.key, b.key) }) // the decoder's order is random
			for _, e := range all {
				s.add(kind, e.ts, e.key, e.input)
			}
		}
	}, s.changes, nil))
}

// add gives an input to its key.
func (s *states) add(kind byte, ts beam.EventTime, key string, input []byte) {
	c := s.cell(kind, key)
	must(s.fns[kind].ProcessElement(s.ctx, ts, c, c, key, input, s.changes, s.later))
}

// later gives inputs of other kinds to their keys.
func (s *states) later(key string, input []byte) {
	for kind := range byte(len(s.fns)) {
		(&beamstate.SelectFn{Kind: kind}).ProcessElement(key, input, func(key string, input []byte) { s.add(kind, 0, key, input) })
	}
}

// fire fires the timer of a key.
func (s *states) fire(c *cell) {
	c.set = false
	must(s.fns[c.kind].OnTimer(s.ctx, c.at, c, c, c.key, timers.Context{}, s.changes, s.later))
}

// pass fires the timers that the watermark passes, each at its time.
func (s *states) pass(watermark int64) {
	for {
		var next *cell
		for _, c := range s.cells {
			if c.set && int64(c.at) <= watermark && (next == nil || c.at < next.at) {
				next = c
			}
		}
		if next == nil {
			return
		}
		s.fire(next)
	}
}

func (s *states) cell(kind byte, key string) *cell {
	name := string(rune(kind)) + key
	c := s.byKey[name]
	if c == nil {
		c = &cell{kind: kind, key: key}
		s.cells, s.byKey[name] = append(s.cells, c), c
	}
	return c
}

// cell is the state and the timer of one key.
type cell struct {
	state.Provider // panics on what the transforms do not use
	kind           byte
	key            string
	value          any
	set            bool
	at             beam.EventTime // when the timer fires
}

// ReadValueState returns the state.
func (c *cell) ReadValueState(string) (any, []state.Transaction, error) { return c.value, nil, nil }

// WriteValueState sets the state.
func (c *cell) WriteValueState(t state.Transaction) error {
	c.value = bytes.Clone(t.Val.([]byte))
	return nil
}

// ClearValueState clears the state.
func (c *cell) ClearValueState(state.Transaction) error {
	c.value = nil
	return nil
}

// Set sets the timer.
func (c *cell) Set(t timers.TimerMap) { c.set, c.at = true, beam.EventTime(t.FireTimestamp) }
