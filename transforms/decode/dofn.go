package decode

import (
	"cmp"
	"context"
	"reflect"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/parallel"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/record"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/write"
)

func init() {
	beam.RegisterDoFn(&Fn{})
	register.Emitter1[keyed.Batch]()
	register.Emitter1[[]byte]()
	register.Emitter2[string, []byte]()
	beam.RegisterCoder(reflect.TypeFor[keyed.Batch](), encodeBatch, decodeBatch)
}

// The names of these functions travel with a job, so an update of it needs them too.
func encodeBatch(b keyed.Batch) []byte          { return b.Append(nil) }
func decodeBatch(b []byte) (keyed.Batch, error) { return keyed.ReadBatch(slices.Clone(b)) }

// Fn decodes batches of records. It is pure: what it gives follows from the batch alone.
//
// It has three outputs: what the batch holds for the keys of each kind; blocks of changes, with the
// dead letters whose line is known; and (file, deadletter.Note) for the others.
type Fn struct {
	Job     runtime.Job
	Kinds   []keyed.Spec // those without routes are left out
	Buckets int          // into how many the keys of a kind are sorted; 0: an input for each key

	Since event.Millis `json:",omitempty"` // events before are left out and count as dropped; 0: none are

	shared     *runtime.Runtime
	kinds      []*keyed.Kind
	collectors []collector
	sorters    []sorter // one for each collector
}

// Setup makes the collectors.
func (fn *Fn) Setup() error {
	fn.shared = runtime.Acquire(fn.Job)
	for _, spec := range fn.Kinds {
		kind, err := spec.Kind()
		if err != nil {
			return err
		}
		if kind.Route != nil {
			fn.kinds = append(fn.kinds, kind)
		}
	}
	attributes, err := fn.shared.Attributes()
	if err != nil {
		return err
	}
	n := parallel.Workers()
	fn.collectors, fn.sorters = make([]collector, n), make([]sorter, n)
	for i := range fn.collectors {
		c, s := &fn.collectors[i], &fn.sorters[i]
		*s = sorter{kinds: make([]sorted, len(fn.kinds))}
		for k, kind := range fn.kinds {
			s.kinds[k] = sorted{kind: kind, buckets: make([]event.Builder, fn.Buckets)}
		}
		*c = collector{decoder: NewFor(attributes), since: cmp.Or(fn.Since, event.None), take: func(e *event.Event) { s.take(c, e) }}
	}
	return nil
}

// Teardown gives back what Setup took.
func (fn *Fn) Teardown(ctx context.Context) error { return fn.shared.Release(ctx) }

// ProcessElement decodes a batch.
func (fn *Fn) ProcessElement(ctx context.Context, b record.Batch, inputs func(keyed.Batch), letters func([]byte), notes func(string, []byte)) (failed error) {
	defer fn.shared.Note(&failed)
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range fn.sorters {
		fn.sorters[i].begin(&b)
	}
	count := fn.shared.Counters
	refused, lines, err := collect(b, fn.collectors, count)
	if err != nil {
		return err
	}
	if b.Ends != nil {
		count.Bytes.Add(int64(len(b.Data)))
	}
	// Dead letters go first. A driver that keeps the position behind them keeps with it that they
	// were written.
	if fn.Buckets == 0 || b.FirstLine > 0 && b.Part == 0 {
		if len(refused) > 0 {
			letters(letterBlock(refused, b))
		}
		refused = nil
	}
	if fn.Buckets > 0 && (b.FirstLine == 0 || b.Part == 0) {
		notes(b.Name, deadletter.Note{Source: b.Source, Part: b.Part, Lines: lines, Letters: refused}.Encode())
	}
	out := keyed.Batch{Source: b.Source + "\x00" + b.Name, Position: b.Progress}
	for k := range fn.kinds {
		out.Inputs = fn.sorters[0].kinds[k].inputs(fn.others(k), &b, out.Inputs)
	}
	inputs(out)
	return nil
}

// others returns what the other collectors have of a kind.
func (fn *Fn) others(k int) []*sorted {
	var all []*sorted
	for i := range fn.sorters[1:] {
		all = append(all, &fn.sorters[i+1].kinds[k])
	}
	return all
}

func letterBlock(letters []deadletter.Letter, b record.Batch) change.Block {
	var block change.Block
	for _, l := range letters {
		block = l.Append(block, b.Source, b.Name, b.FirstLine)
	}
	return block
}

// Records decodes each batch of records into a keyed.Batch, and into blocks of changes with dead
// letters. With buckets the source is bounded and its files are read in parts: there the lines of
// dead letters are numbered once all parts of a file are known. Events before since are left out, unless
// that is 0.
func Records(s beam.Scope, job runtime.Job, kinds []keyed.Spec, buckets int, since event.Millis, records beam.PCollection) (inputs beam.PCollection, letters []write.Blocks) {
	s = s.Scope("decode.Records")
	inputs, located, notes := beam.ParDo3(s, &Fn{Job: job, Kinds: kinds, Buckets: buckets, Since: since}, records)
	if buckets == 0 {
		return inputs, []write.Blocks{{Name: "letters", PCollection: located}}
	}
	return inputs, []write.Blocks{{Name: "letters", PCollection: located}, {Name: "numbered", PCollection: deadletter.Number(s, notes)}}
}
