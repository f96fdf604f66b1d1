// Package pipeline is the whole of flexbeam's Beam graph, and how a job is run.
//
//	source ─ batches of records ─▶ decode ─▶ (task, block of events)   ─▶ fold task ──┬─▶ changes ─▶ sink
//	                                 │   └─▶ (worker, block of events) ─▶ fold worker ─┤
//	                                 │                    contacts ─▶ newest of each ──┤
//	                                 └─▶ dead letters ─────────────────────────────────┘
//
// Batch and stream differ in what gathers the events of a key: a GroupByKey over buckets of keys, or a stateful transform
// with a timer for each key. Both call the same folds, so both give the same tables (docs/architecture.md).
package pipeline

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source/file"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

// batch builds the bounded graph.
func batch(s beam.Scope, job string, o Options, src *source) {
	buckets := bucketsFor(unpackedSize(src.files))
	records := file.Read(s, job, src.chunk, src.files)
	tasks, workers, letters, notes := decode.Batch(s, job, buckets, o.Runner != Direct, records)
	numbered := deadletter.Number(s, notes)
	engagements, sightings := task.Batch(s, job, buckets, o.task(), tasks)
	agents := worker.Batch(s, job, o.worker(), workers)
	customers := customer.Batch(s, sightings)
	for _, changes := range []beam.PCollection{letters, numbered, engagements, agents, customers} {
		sink.Write(s, job, o.Sink, changes)
	}
}

// stream builds the unbounded graph.
func stream(s beam.Scope, job string, o Options, src *source) {
	records := file.Replay(s, job, src.chunk, src.latenessMS, src.files)
	tasks, workers, letters := decode.Stream(s, job, records)
	engagements, sightings := task.Stream(s, job, o.task(), tasks)
	agents := worker.Stream(s, job, o.worker(), workers)
	customers := customer.Stream(s, sightings)
	for _, changes := range []beam.PCollection{letters, engagements, agents, customers} {
		sink.Write(s, job, o.Sink, changes)
	}
}

// unpackedSize returns about how many bytes the records have.
func unpackedSize(files []file.File) (n int64) {
	for _, f := range files {
		if f.Format == file.Plain {
			n += f.Size
		} else {
			n += 12 * f.Size // what such records shrink by
		}
	}
	return n
}

// bucketsFor returns into how many buckets the keys are divided: enough that one bucket's events are few megabytes.
func bucketsFor(bytes int64) int {
	const perBucket = 16 << 20 // of input
	return int(min(max(16, bytes/perBucket), 4096))
}

func (o Options) task() task.Options { return task.Options{ContactKey: o.ContactKey} }

func (o Options) worker() worker.Options { return worker.Options{Hidden: o.Hidden, AsOf: o.asOf()} }
