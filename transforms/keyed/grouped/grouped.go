// Package grouped is the driver of keyed states for bounded sources, on any runner: it gathers all
// that there is of a key and processes it once. Keys travel in buckets, since an element for each
// would cost more than the key (docs/adr/0001-blocks.md).
package grouped

import (
	"context"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/parallel"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/event"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/chain"
	"flexbeam/transforms/write"
)

func init() {
	beam.RegisterDoFn(&SplitFn{})
	beam.RegisterDoFn(&ProcessFn{})
	beam.RegisterDoFn(&SelectFn{})
	register.Iter1[[]byte]()
	register.Emitter1[[]byte]()
	register.Emitter2[int, []byte]()
}

// Driver processes each key once, when all input is there.
type Driver struct {
	Buckets  int  // into how many the keys of a kind are divided
	Compress bool // blocks are compressed on their way, where they leave the process
}

// Partition implements the pipeline's Driver: the decoder sorts events into buckets.
func (d Driver) Partition() int { return d.Buckets }

// Process turns batches into blocks of changes.
func (d Driver) Process(s beam.Scope, job runtime.Job, kinds []keyed.Spec, batches beam.PCollection) ([]write.Blocks, error) {
	return chain.Link(s, chain.Transforms{
		Scope:  "keyed.Grouped",
		Split:  func(kind byte) any { return &SplitFn{Kind: kind, Compress: d.Compress} },
		Select: func(kind byte) any { return &SelectFn{Kind: kind} },
		Process: func(s beam.Scope, spec keyed.Spec, inputs beam.PCollection) (changes, later beam.PCollection) {
			return beam.ParDo2(s, &ProcessFn{Job: job, Spec: spec, Buckets: d.Buckets}, beam.GroupByKey(s, inputs))
		},
	}, kinds, batches)
}

// SplitFn gives the inputs of one kind by their buckets.
type SplitFn struct {
	Kind     byte
	Compress bool
}

// ProcessElement takes a batch.
func (fn *SplitFn) ProcessElement(b keyed.Batch, emit func(int, []byte)) {
	for i := range b.Inputs {
		in := &b.Inputs[i]
		if in.Kind != fn.Kind {
			continue
		}
		if fn.Compress {
			in.Block = event.Compress(in.Block)
		}
		emit(in.Bucket, in.Append(make([]byte, 0, len(in.Block)+16), false))
	}
}

// SelectFn gives the inputs of one kind among those that other kinds gave.
type SelectFn struct {
	Kind byte
}

// ProcessElement takes inputs of one bucket and kind.
func (fn *SelectFn) ProcessElement(bucket int, inputs []byte, emit func(int, []byte)) {
	if inputs[0] == fn.Kind { // an encoded input begins with its kind
		emit(bucket, inputs)
	}
}

// ProcessFn processes the keys of a bucket.
type ProcessFn struct {
	Job     runtime.Job
	Spec    keyed.Spec
	Buckets int

	shared *runtime.Runtime
	kind   *keyed.Kind
	logics []keyed.Logic
}

// Setup makes the rules, for each goroutine its own.
func (fn *ProcessFn) Setup() (err error) {
	fn.shared = runtime.Acquire(fn.Job)
	env, err := fn.shared.Env()
	if err != nil {
		return err
	}
	fn.kind, fn.logics, err = fn.Spec.Logics(parallel.Workers(), env)
	return err
}

// Teardown gives back what Setup took.
func (fn *ProcessFn) Teardown(ctx context.Context) error { return fn.shared.Release(ctx) }

// pieces is into how many pieces the keys of a bucket are divided.
const pieces = 8

// lookupKeys is of how many keys the rows are looked up together: each time all of their days are
// read.
const lookupKeys = 16384

// place is where inputs for keys of another kind go.
type place struct {
	kind   byte
	bucket int
}

// piece is what the keys of a piece give.
type piece struct {
	out   keyed.Output
	later map[place][]byte
}

// ProcessElement takes all inputs of a bucket and emits blocks of changes, and inputs for other
// kinds by their buckets, those of one kind in one element.
func (fn *ProcessFn) ProcessElement(ctx context.Context, _ int, inputs func(*[]byte) bool, changes func([]byte), later func(int, []byte)) (failed error) {
	defer fn.shared.Note(&failed)
	if err := ctx.Err(); err != nil {
		return err
	}
	keys, err := fn.gather(inputs)
	if err != nil {
		return err
	}
	prior, err := fn.shared.PriorRows(ctx)
	if err != nil {
		return err
	}
	look, err := prior.Looker(ctx, fn.kind)
	if err != nil {
		return err
	}
	if err := look.Cover(ctx, keys.groups); err != nil {
		return err
	}
	done := make([]piece, min(pieces, keys.len()))
	for i := range done {
		done[i].later = map[place][]byte{}
	}
	asks, err := fn.processAll(keys.len(), func(k int) (string, *keyed.State) { return keys.key(k), keys.state(k) }, look, done)
	for err == nil && len(asks) > 0 {
		asks, err = fn.processAgain(ctx, look, asks, done)
	}
	if err != nil {
		return err
	}
	for i := range done {
		p := &done[i]
		fn.shared.Counters.Folded(p.out.Distinct, p.out.Copies)
		fn.shared.Counters.Missing.Add(p.out.Evidence)
		fn.shared.Counters.LeftAlone(fn.kind.Name, p.out.Alone)
		fn.shared.Counters.Chosen.Add(p.out.Chosen)
		fn.shared.Counters.Unbegun.Add(p.out.Unbegun)
		if len(p.out.Changes) > 0 {
			changes(p.out.Changes)
		}
		for at, b := range p.later {
			later(at.bucket, b)
		}
	}
	return nil
}

// An ask is a key that has to know first what the sink holds of it, or waits for what it has begun.
type ask struct {
	key   string
	state *keyed.State
	want  *keyed.Ask // nil: it waits
}

// processAll processes n keys on all processors, and returns those that have to be processed again. at
// returns a key and its state.
func (fn *ProcessFn) processAll(n int, at func(int) (string, *keyed.State), look *keyed.Looker, done []piece) ([]ask, error) {
	asks := make([][]ask, len(done))
	err := parallel.Do(len(fn.logics), len(done), func(worker, i int) error {
		p := &done[i]
		for k := n * i / len(done); k < n*(i+1)/len(done); k++ {
			key, s := at(k)
			p.out.Look = look.Look(key)
			if err := fn.process(fn.logics[worker], s, p); err != nil {
				return err
			}
			if p.out.Ask != nil || p.out.Pending {
				asks[i] = append(asks[i], ask{key, s, p.out.Ask})
			}
		}
		return nil
	})
	return slices.Concat(asks...), err
}

// processAgain looks up what keys have asked for and processes them, then those that wait. So all
// that can be begun is before anything is waited for. It returns the keys that have to be processed
// once more.
func (fn *ProcessFn) processAgain(ctx context.Context, look *keyed.Looker, asks []ask, done []piece) (more []ask, err error) {
	asking, waiting := make([]ask, 0, len(asks)), make([]ask, 0, len(asks))
	for _, a := range asks {
		if a.want != nil {
			asking = append(asking, a)
		} else {
			waiting = append(waiting, a)
		}
	}
	for some := range slices.Chunk(asking, lookupKeys) {
		wanted := make([]keyed.Ask, len(some))
		for i, a := range some {
			wanted[i] = *a.want
		}
		found, err := look.Find(ctx, wanted)
		if err != nil {
			return nil, err
		}
		again, err := fn.processAll(len(some), func(k int) (string, *keyed.State) {
			some[k].state.Learn(found[some[k].key])
			return some[k].key, some[k].state
		}, look, done)
		if err != nil {
			return nil, err
		}
		more = append(more, again...)
	}
	again, err := fn.processAll(len(waiting), func(k int) (string, *keyed.State) { return waiting[k].key, waiting[k].state }, look, done)
	return append(more, again...), err
}

// process processes a key.
func (fn *ProcessFn) process(l keyed.Logic, s *keyed.State, p *piece) error {
	p.out.Once = true
	if _, _, err := fn.kind.Process(l, s, keyed.None, &p.out); err != nil {
		return err
	}
	for i := range p.out.Inputs {
		in := &p.out.Inputs[i]
		at := place{in.Kind, keyed.BucketOf(in.Key, fn.Buckets)}
		p.later[at] = in.Append(p.later[at], false)
	}
	clear(p.out.Inputs)
	p.out.Inputs = p.out.Inputs[:0]
	return nil
}

// bucket is the keys of a bucket: those with events, and those with values. A state of the first is
// made when it is asked for.
type bucket struct {
	groups []event.Group
	values []valued
}

// A valued is a key with its state.
type valued struct {
	key   string
	state *keyed.State
}

func (b *bucket) len() int { return len(b.groups) + len(b.values) }

func (b *bucket) key(i int) string {
	if i >= len(b.groups) {
		return b.values[i-len(b.groups)].key
	}
	return event.Key(b.groups[i].Account, b.groups[i].SID)
}

func (b *bucket) state(i int) *keyed.State {
	if i >= len(b.groups) {
		return b.values[i-len(b.groups)].state
	}
	return keyed.StateOf(b.groups[i])
}

// gather returns the keys of a bucket.
func (fn *ProcessFn) gather(inputs func(*[]byte) bool) (b bucket, err error) {
	byKey := map[string]*keyed.State{}
	var rest []byte
	var failed error
	b.groups, err = event.Gather(func(block *[]byte) bool {
		for len(rest) > 0 || inputs(&rest) {
			var in keyed.Input
			if in, rest, failed = keyed.ReadInput(rest); failed != nil {
				return false
			}
			if len(rest) == 0 {
				rest = nil // the next element has memory of its own
			}
			if in.Value == nil {
				*block = in.Block
				return true
			}
			s := byKey[in.Key]
			if s == nil {
				s = keyed.NewState()
				byKey[in.Key] = s
				b.values = append(b.values, valued{in.Key, s})
			}
			if _, failed = fn.kind.Add(fn.logics[0], s, &in); failed != nil {
				return false
			}
		}
		return false
	}, fn.kind.Field)
	if failed != nil {
		err = failed
	}
	return b, err
}
