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
	"flexbeam/pipeline/source/file"
	"flexbeam/pipeline/source/kinesis"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

// batch builds the bounded graph.
func batch(s beam.Scope, job string, o Options, src *source) {
	buckets := bucketsFor(unpackedSize(src.files))
	records := file.Read(s, job, src.chunk, src.files)
	tasks, workers, letters, notes := decode.Batch(s, job, buckets, o.runner(needs(Batch, false)).Encodes, records)
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

// live builds the graph of a stream without an end. What its transforms know is in the job's store (keyed.Store).
func live(s beam.Scope, job string, o Options, src *source, positions map[string]kinesis.Position) {
	read := []kinesis.ReadOption{kinesis.WithControl(job), kinesis.WithPositions(positions)}
	if o.Pace != (kinesis.Pace{}) {
		read = append(read, kinesis.WithPace(o.Pace))
	}
	records := kinesisRecords(s, kinesis.Read(s, src.streams, read...))
	tasks, workers, letters := decode.Live(s, job, records)
	oldTasks, oldWorkers := keyed.Restore(s, job)
	ofTasks := task.Live(s, job, o.task(), o.AtOnce, beam.Flatten(s, tasks, oldTasks))
	ofWorkers := worker.Live(s, job, o.worker(), o.AtOnce, beam.Flatten(s, workers, oldWorkers))
	for _, changes := range []beam.PCollection{letters, ofTasks, ofWorkers} {
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
