package worker

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/parallel"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn4x1[context.Context, int, func(*[]byte) bool, func([]byte), error](&BatchFn{})
	register.Iter1[[]byte]()
	register.Emitter1[[]byte]()
}

// BatchFn folds the workers of a bucket.
type BatchFn struct {
	Job     string
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

// ProcessElement takes all blocks of a bucket and emits blocks of changes.
func (fn *BatchFn) ProcessElement(ctx context.Context, _ int, blocks func(*[]byte) bool, changes func([]byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	groups, err := event.Gather(blocks, event.WorkerSID)
	if err != nil {
		return err
	}
	out := make([]change.Block, len(groups))
	err = parallel.Do(len(fn.folders), len(groups), func(worker, i int) error {
		emit := func(t model.TableID, r model.Row) { out[i] = out[i].Append(change.Change{Table: t, Row: r}) }
		f, g := fn.folders[worker], groups[i]
		known, err := fn.known.Worker(g.Account, g.SID)
		if err != nil {
			return err
		}
		var settler *keyed.Settler
		if known != nil {
			settler = known.Settle()
			emit = settler.Row
		}
		n, err := f.Fold(g.Account, g.SID, g.Events, emit)
		fn.count.Distinct.Add(int64(n))
		if err == nil && settler != nil {
			out[i], err = settler.Done(f.Deleted)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, b := range out {
		changes(b)
	}
	return nil
}

// Batch turns (bucket, event.Block) into blocks of changes.
func Batch(s beam.Scope, job string, o Options, workers beam.PCollection) beam.PCollection {
	s = s.Scope("worker.Batch")
	return beam.ParDo(s, &BatchFn{Job: job, Options: o}, beam.GroupByKey(s, workers))
}
