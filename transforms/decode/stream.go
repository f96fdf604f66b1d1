package decode

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/parallel"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/event"
	"flexbeam/schemas/record"
)

func init() {
	register.DoFn5x1[context.Context, record.Batch, func(beam.EventTime, string, []byte), func(beam.EventTime, string, []byte), func([]byte), error](&StreamFn{})
	register.Emitter3[beam.EventTime, string, []byte]()
}

// StreamFn decodes batches of records and sorts their events by task and by worker. Its outputs are (account and task SID,
// event.Block), (account and worker SID, event.Block), both with the time of the block's newest event, and blocks of
// changes with dead letters. Batches must know their lines.
type StreamFn struct {
	Job string

	collectors []collector
	keys       []keys
	count      *telemetry.Counters
}

// keys holds the builders of one collector.
type keys struct {
	tasks, workers map[string]*group
}

type group struct {
	builder event.Builder
	newest  int64
}

// Setup makes the collectors.
func (fn *StreamFn) Setup() {
	fn.count = telemetry.For(fn.Job)
	n := parallel.Workers()
	fn.collectors = make([]collector, n)
	fn.keys = make([]keys, n)
	for i := range fn.collectors {
		k := &fn.keys[i]
		fn.collectors[i] = collector{decoder: New(), take: func(e *event.Event) {
			task, worker := e.Text[event.TaskSID], e.Text[event.WorkerSID]
			if task != "" || worker == "" { // what belongs to neither is counted as an event of no task
				add(k.tasks, e, event.TaskSID, event.TaskPart)
			}
			if worker != "" {
				add(k.workers, e, event.WorkerSID, event.WorkerPart)
			}
		}}
	}
}

func add(groups map[string]*group, e *event.Event, by event.Field, part event.Part) {
	key := event.Key(e.Text[event.AccountSID], e.Text[by])
	g := groups[key]
	if g == nil {
		g = &group{newest: e.Time}
		groups[key] = g
	}
	g.builder.Add(e, part)
	g.newest = max(g.newest, e.Time)
}

// ProcessElement decodes a batch.
func (fn *StreamFn) ProcessElement(ctx context.Context, b record.Batch, tasks, workers func(beam.EventTime, string, []byte), changes func([]byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range fn.keys {
		fn.keys[i] = keys{tasks: map[string]*group{}, workers: map[string]*group{}}
	}
	letters, _, err := collect(b, fn.collectors, fn.count)
	if err != nil {
		return err
	}
	fn.emit(func(k keys) map[string]*group { return k.tasks }, tasks)
	fn.emit(func(k keys) map[string]*group { return k.workers }, workers)
	if len(letters) > 0 {
		changes(letterBlock(letters, b))
	}
	return nil
}

// emit emits the groups of all collectors, one element a key.
func (fn *StreamFn) emit(of func(keys) map[string]*group, emit func(beam.EventTime, string, []byte)) {
	for i := range fn.keys {
		for key, g := range of(fn.keys[i]) {
			block := g.builder.Append(nil)
			newest := g.newest
			for j := i + 1; j < len(fn.keys); j++ {
				others := of(fn.keys[j])
				if o := others[key]; o != nil {
					block = o.builder.Append(block)
					newest = max(newest, o.newest)
					delete(others, key)
				}
			}
			emit(Timestamp(newest), key, block)
		}
	}
}

// Timestamp returns a time in ms as Beam's event time, within what Beam's windows hold.
func Timestamp(ms int64) beam.EventTime {
	const day = 24 * 60 * 60 * 1000
	return min(max(beam.EventTime(ms), mtime.MinTimestamp+day), mtime.EndOfGlobalWindowTime-day)
}

// Stream decodes batches of records; see StreamFn for the outputs.
func Stream(s beam.Scope, job string, batches beam.PCollection) (tasks, workers, changes beam.PCollection) {
	return beam.ParDo3(s.Scope("decode.Stream"), &StreamFn{Job: job}, batches)
}
