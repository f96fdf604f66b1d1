package decode

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/parallel"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/record"
	"flexbeam/transforms/deadletter"
)

func init() {
	register.DoFn6x1[context.Context, record.Batch, func(int, []byte), func(int, []byte), func([]byte), func(string, []byte), error](&BatchFn{})
	register.Emitter2[int, []byte]()
	register.Emitter2[string, []byte]()
	register.Emitter1[[]byte]()
}

// BatchFn decodes batches of records and sorts their events into buckets: by task, and by worker. Its outputs are
// (bucket, event.Block) of tasks, the same of workers, blocks of changes with dead letters whose line is known, and
// (file, deadletter.Note) for the others.
type BatchFn struct {
	Job      string
	Buckets  int
	Compress bool // blocks are compressed (event.Compress)

	collectors []collector
	sorters    []sorter
	count      *telemetry.Counters
}

// sorter holds the builders of one collector.
type sorter struct {
	tasks, workers []event.Builder
}

// Setup makes the collectors.
func (fn *BatchFn) Setup() {
	fn.count = telemetry.For(fn.Job)
	n := parallel.Workers()
	fn.collectors = make([]collector, n)
	fn.sorters = make([]sorter, n)
	for i := range fn.collectors {
		s := &fn.sorters[i]
		s.tasks = make([]event.Builder, fn.Buckets)
		s.workers = make([]event.Builder, fn.Buckets)
		fn.collectors[i] = collector{decoder: New(), take: func(e *event.Event) {
			task, worker := e.Text[event.TaskSID], e.Text[event.WorkerSID]
			if task != "" || worker == "" { // what belongs to neither is counted as an event of no task
				s.tasks[Bucket(task, fn.Buckets)].Add(e, event.TaskPart)
			}
			if worker != "" {
				s.workers[Bucket(worker, fn.Buckets)].Add(e, event.WorkerPart)
			}
		}}
	}
}

// Bucket returns the bucket of a key, from 0 to n-1: the same on every machine.
func Bucket(key string, n int) int {
	h := uint64(14695981039346656037) // FNV-1a
	for i := 0; i < len(key); i++ {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return int((h ^ h>>32) % uint64(n))
}

// ProcessElement decodes a batch.
func (fn *BatchFn) ProcessElement(ctx context.Context, b record.Batch, tasks, workers func(int, []byte), changes func([]byte), notes func(string, []byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	letters, lines, err := collect(b, fn.collectors, fn.count)
	if err != nil {
		return err
	}
	for bucket := range fn.Buckets {
		if t := fn.take(bucket, func(s *sorter) []event.Builder { return s.tasks }); t != nil {
			tasks(bucket, fn.pack(t))
		}
		if w := fn.take(bucket, func(s *sorter) []event.Builder { return s.workers }); w != nil {
			workers(bucket, fn.pack(w))
		}
	}
	if b.FirstLine > 0 && b.Part == 0 && len(letters) > 0 {
		changes(letterBlock(letters, b))
		letters = nil
	}
	if b.FirstLine == 0 || b.Part == 0 {
		notes(b.Name, deadletter.Note{Source: b.Source, Part: b.Part, Lines: lines, Letters: letters}.Encode())
	}
	return nil
}

// take returns what all collectors have in a bucket and empties it.
func (fn *BatchFn) take(bucket int, of func(*sorter) []event.Builder) event.Block {
	size := 0
	for i := range fn.sorters {
		size += of(&fn.sorters[i])[bucket].Size() + 8
	}
	var block event.Block
	for i := range fn.sorters {
		b := &of(&fn.sorters[i])[bucket]
		if b.Len() == 0 {
			continue
		}
		if block == nil {
			block = make(event.Block, 0, size)
		}
		block = b.Append(block)
		b.Reset()
	}
	return block
}

func (fn *BatchFn) pack(b event.Block) event.Block {
	if fn.Compress {
		return event.Compress(b)
	}
	return b
}

func letterBlock(letters []deadletter.Letter, b record.Batch) change.Block {
	var block change.Block
	for _, l := range letters {
		block = l.Append(block, b.Source, b.Name, b.FirstLine)
	}
	return block
}

// Batch decodes batches of records; see BatchFn for the outputs.
func Batch(s beam.Scope, job string, buckets int, compress bool, batches beam.PCollection) (tasks, workers, changes, notes beam.PCollection) {
	return beam.ParDo4(s.Scope("decode.Batch"), &BatchFn{Job: job, Buckets: buckets, Compress: compress}, batches)
}
