// Package pipeline is the whole of flexbeam's Beam graph, and how a job is run.
//
//	source ─ batches of records ─▶ decode ─▶ (task, block of events)   ─▶ fold task ──┬─▶ changes ─▶ sink
//	                                 │   └─▶ (worker, block of events) ─▶ fold worker ─┤
//	                                 │                    contacts ─▶ newest of each ──┤
//	                                 └─▶ dead letters ─────────────────────────────────┘
//
// Batch, stream and live differ in what gathers the events of a key: a GroupByKey over buckets of keys; the state of a transform
// with a timer for each key; or, for a stream without an end, a store in this process with a log behind it, and timers. All
// call the same folds, so all give the same tables (docs/architecture.md).
package pipeline

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

// build builds the graph of the job. control is that of a source without an end.
func (j *Job) build(s beam.Scope, control source.Control) {
	records := j.source.Read(s, source.ReadOptions{Job: j.id, Control: control, Stream: j.options.Mode == Stream, NewestEvent: newestEvent})
	switch {
	case control != nil:
		live(s, j.id, j.options, records)
	case j.options.Mode == Stream:
		stream(s, j.id, j.options, records)
	default:
		_, bytes := j.source.Size()
		batch(s, j.id, j.options, bucketsFor(bytes), records)
	}
}

// batch builds the bounded graph.
func batch(s beam.Scope, job string, o Options, buckets int, records beam.PCollection) {
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
func stream(s beam.Scope, job string, o Options, records beam.PCollection) {
	tasks, workers, letters := decode.Stream(s, job, records)
	engagements, sightings := task.Stream(s, job, o.task(), tasks)
	agents := worker.Stream(s, job, o.worker(), workers)
	customers := customer.Stream(s, sightings)
	for _, changes := range []beam.PCollection{letters, engagements, agents, customers} {
		sink.Write(s, job, o.Sink, changes)
	}
}

// live builds the graph of a stream without an end. What its transforms know is in the job's store (keyed.Store).
func live(s beam.Scope, job string, o Options, records beam.PCollection) {
	tasks, workers, letters := decode.Live(s, job, records)
	oldTasks, oldWorkers := keyed.Restore(s, job)
	ofTasks := task.Live(s, job, o.task(), o.AtOnce, beam.Flatten(s, tasks, oldTasks))
	ofWorkers := worker.Live(s, job, o.worker(), o.AtOnce, beam.Flatten(s, workers, oldWorkers))
	for _, changes := range []beam.PCollection{letters, ofTasks, ofWorkers} {
		sink.Write(s, job, o.Sink, changes)
	}
}

// bucketsFor returns into how many buckets the keys are divided: enough that one bucket's events are few megabytes.
func bucketsFor(bytes int64) int {
	const perBucket = 16 << 20 // of input
	return int(min(max(16, bytes/perBucket), 4096))
}

func (o Options) task() task.Options { return task.Options{ContactKey: o.ContactKey} }

func (o Options) worker() worker.Options { return worker.Options{Hidden: o.Hidden, AsOf: o.asOf()} }
