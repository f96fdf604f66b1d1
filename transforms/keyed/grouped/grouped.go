// Package grouped is the driver of keyed states for bounded sources, on any runner: it gathers all
// that there is of a key and processes it once. Keys travel in buckets, since an element for each
// would cost more than the key (docs/adr/0001-blocks.md).
package grouped

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

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

// ProcessFn processes the keys of a bucket. What a key has begun and waits for is awaited with the keys of
// the buckets behind it, so that there is always more under way, and at the end of the bundle.
type ProcessFn struct {
	Job     runtime.Job
	Spec    keyed.Spec
	Buckets int

	shared *runtime.Runtime
	kind   *keyed.Kind
	logics []keyed.Logic
	look   *keyed.Looker

	waiting []waiting // keys that have begun something, in the order in which they did
	refused []waiting // keys that could not yet
	begun   atomic.Int64
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

const (
	// pieces is into how many pieces the keys of a bucket are divided.
	pieces = 8
	// lookupKeys is of how many keys the rows are looked up together: each time all of their days are
	// read.
	lookupKeys = 16384
	// awaitKeys is how many keys are awaited together, and how many may begin then: what they give goes on
	// while others are on their way.
	awaitKeys = 64
	// leftWaiting is how many keys are left to be awaited with those of the next bucket.
	leftWaiting = 2 * awaitKeys
)

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

// StartBundle forgets what a bundle that failed left.
func (fn *ProcessFn) StartBundle(context.Context, func([]byte), func(int, []byte)) {
	fn.waiting, fn.refused = nil, nil
}

// ProcessElement takes all inputs of a bucket and emits blocks of changes, and inputs for other
// kinds by their buckets.
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
	if fn.look, err = prior.Looker(ctx, fn.kind); err != nil {
		return err
	}
	if err := fn.look.Cover(ctx, keys.groups); err != nil {
		return err
	}
	err = fn.processKeys(ctx, keys.len(), func(k int) (string, *keyed.State) { return keys.key(k), keys.state(k) }, false, changes, later)
	if err != nil {
		return err
	}
	return fn.await(ctx, leftWaiting, changes, later)
}

// FinishBundle awaits all that keys of the bundle have begun.
func (fn *ProcessFn) FinishBundle(ctx context.Context, changes func([]byte), later func(int, []byte)) (failed error) {
	defer fn.shared.Note(&failed)
	return fn.await(ctx, 0, changes, later)
}

// await processes keys that wait, and lets others begin, until no more than some wait and none is refused.
func (fn *ProcessFn) await(ctx context.Context, left int, changes func([]byte), later func(int, []byte)) error {
	for len(fn.refused) > 0 || len(fn.waiting) > left {
		if err := ctx.Err(); err != nil {
			return err
		}
		var some []waiting
		at := func(k int) (string, *keyed.State) { return some[k].key, some[k].state }
		some, fn.waiting = take(fn.waiting)
		if err := fn.processKeys(ctx, len(some), at, false, changes, later); err != nil {
			return err
		}
		clear(some) // the states are not needed any more
		some, fn.refused = take(fn.refused)
		if err := fn.processKeys(ctx, len(some), at, len(fn.waiting) == 0, changes, later); err != nil {
			return err
		}
	}
	return nil
}

// take takes the first keys that are processed together.
func take(all []waiting) (some, rest []waiting) {
	n := min(len(all), awaitKeys)
	return all[:n:n], all[n:]
}

// processKeys processes n keys, gives what they give, and notes which wait. at returns a key and its state.
// With must what they begin finds a place in any case.
func (fn *ProcessFn) processKeys(ctx context.Context, n int, at func(int) (string, *keyed.State), must bool, changes func([]byte), later func(int, []byte)) error {
	done := make([]piece, min(pieces, n))
	for i := range done {
		done[i].out.Must, done[i].later = must, map[place][]byte{}
	}
	all, err := fn.processLooking(ctx, n, at, done)
	if err != nil {
		return err
	}
	fn.waiting = append(fn.waiting, all.waits...)
	fn.refused = append(all.refused, fn.refused...)
	fn.give(done, changes, later)
	return nil
}

// give emits and counts what pieces of keys gave.
func (fn *ProcessFn) give(done []piece, changes func([]byte), later func(int, []byte)) {
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
}

// A waiting is a key that waits for what it has begun, or to begin it.
type waiting struct {
	key   string
	state *keyed.State
	begun int64 // its place among those that were processed
}

// processed is what is left to do of keys that were processed.
type processed struct {
	asks           []ask
	waits, refused []waiting
}

func (p *processed) add(q processed) {
	p.asks, p.waits, p.refused = append(p.asks, q.asks...), append(p.waits, q.waits...), append(p.refused, q.refused...)
}

// An ask is a key that has to know first what the sink holds of it.
type ask struct {
	state *keyed.State
	want  keyed.Ask
}

// processAll processes n keys on all processors. at returns a key and its state.
func (fn *ProcessFn) processAll(n int, at func(int) (string, *keyed.State), done []piece) (all processed, err error) {
	of := make([]processed, len(done))
	err = parallel.Do(len(fn.logics), len(done), func(worker, i int) error {
		p := &done[i]
		for k := n * i / len(done); k < n*(i+1)/len(done); k++ {
			key, s := at(k)
			p.out.Look = fn.look.Look(key)
			if err := fn.process(fn.logics[worker], s, p); err != nil {
				return err
			}
			switch {
			case p.out.Ask != nil:
				of[i].asks = append(of[i].asks, ask{s, *p.out.Ask})
			case p.out.Pending:
				of[i].waits = append(of[i].waits, waiting{key, s, fn.begun.Add(1)})
			case p.out.Refused:
				of[i].refused = append(of[i].refused, waiting{key, s, fn.begun.Add(1)})
			}
		}
		return nil
	})
	for _, p := range of {
		all.add(p)
	}
	return all, err
}

// processLooking processes n keys, and looks up what they ask for. It returns those that wait, in the order
// in which they were processed.
func (fn *ProcessFn) processLooking(ctx context.Context, n int, at func(int) (string, *keyed.State), done []piece) (processed, error) {
	all, err := fn.processAll(n, at, done)
	for err == nil && len(all.asks) > 0 {
		some := all.asks[:min(lookupKeys, len(all.asks))]
		all.asks = all.asks[len(some):]
		wanted := make([]keyed.Ask, len(some))
		for i, a := range some {
			wanted[i] = a.want
		}
		var found map[string]*keyed.Found
		if found, err = fn.look.Find(ctx, wanted); err != nil {
			break
		}
		var more processed
		more, err = fn.processAll(len(some), func(k int) (string, *keyed.State) {
			some[k].state.Learn(found[some[k].want.Key])
			return some[k].want.Key, some[k].state
		}, done)
		all.add(more)
	}
	for _, w := range [][]waiting{all.waits, all.refused} {
		slices.SortFunc(w, func(a, b waiting) int { return cmp.Compare(a.begun, b.begun) })
	}
	return all, err
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
