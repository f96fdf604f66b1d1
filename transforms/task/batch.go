package task

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/parallel"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn5x1[context.Context, int, func(*[]byte) bool, func([]byte), func(int, []byte), error](&BatchFn{})
	register.Iter1[[]byte]()
	register.Emitter1[[]byte]()
	register.Emitter2[int, []byte]()
}

// BatchFn folds the tasks of a bucket.
type BatchFn struct {
	Job     string
	Buckets int // of customers
	Options Options

	folders []*Folder
	known   *keyed.Known
	count   *telemetry.Counters
}

// Setup makes a folder for each goroutine.
func (fn *BatchFn) Setup() {
	fn.count, fn.known = telemetry.For(fn.Job), keyed.Of(fn.Job)
	for range parallel.Workers() {
		fn.folders = append(fn.folders, NewFolder(fn.Options))
	}
}

// pieces is into how many pieces the tasks of a bucket are divided.
const pieces = 8

type output struct {
	changes   change.Block
	sightings map[int]customer.Sightings
	distinct  int64
}

// ProcessElement takes all blocks of a bucket and emits blocks of changes and (bucket, customer.Sightings).
func (fn *BatchFn) ProcessElement(ctx context.Context, _ int, blocks func(*[]byte) bool, changes func([]byte), sightings func(int, []byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	groups, err := event.Gather(blocks, event.TaskSID)
	if err != nil {
		return err
	}
	out := make([]output, min(pieces, len(groups)))
	err = parallel.Do(len(fn.folders), len(out), func(worker, piece int) error {
		o := &out[piece]
		o.sightings = map[int]customer.Sightings{}
		f := fn.folders[worker]
		emit := func(t model.TableID, r model.Row) { o.changes = o.changes.Append(change.Change{Table: t, Row: r}) }
		see := func(id string, r model.Row) {
			b := decode.Bucket(r[0].Str, fn.Buckets)
			o.sightings[b] = o.sightings[b].Append(id, r)
		}
		for _, g := range groups[len(groups)*piece/len(out) : len(groups)*(piece+1)/len(out)] {
			known, err := fn.known.Task(g.Account, g.SID)
			if err != nil {
				return err
			}
			if known == nil {
				out, err := f.Fold(g.Account, g.SID, g.Events, emit, see)
				if err != nil {
					return err
				}
				o.distinct += int64(out.Distinct)
				continue
			}
			settler := known.Settle()
			out, err := f.Fold(g.Account, g.SID, g.Events, settler.Row, see)
			if err != nil {
				return err
			}
			o.distinct += int64(out.Distinct)
			block, err := settler.Done(func(model.TableID, model.Row) (int64, bool) { return out.Version, true })
			if err != nil {
				return err
			}
			o.changes = append(o.changes, block...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, o := range out {
		fn.count.Distinct.Add(o.distinct)
		if len(o.changes) > 0 {
			changes(o.changes)
		}
		for b, s := range o.sightings {
			sightings(b, s)
		}
	}
	return nil
}

// Batch turns (bucket, event.Block) into blocks of changes and (bucket, customer.Sightings).
func Batch(s beam.Scope, job string, buckets int, o Options, tasks beam.PCollection) (changes, sightings beam.PCollection) {
	s = s.Scope("task.Batch")
	return beam.ParDo2(s, &BatchFn{Job: job, Buckets: buckets, Options: o}, beam.GroupByKey(s, tasks))
}
