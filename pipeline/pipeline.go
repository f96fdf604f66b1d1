// Package pipeline is the whole of flexbeam's Beam graph, and how a job is run.
//
//	source ─ records ─▶ decode ─ inputs of keys ─▶ keyed states ─ changes of rows ─▶ sink
//	                       └──── dead letters ───────────────────────────────────────▶ sink
//
// The graph is the same for every job. What differs is where the state of a key is while its events
// come: that is the driver's (transforms/keyed). All drivers call the same rules, so all give the
// same tables (docs/architecture.md).
package pipeline

import (
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/source"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/conversation"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/beamstate"
	"flexbeam/transforms/keyed/grouped"
	"flexbeam/transforms/keyed/local"
	"flexbeam/transforms/worker"
	"flexbeam/transforms/write"
)

// A Driver keeps the states of keys and calls their rules.
type Driver interface {
	// Partition says how the decoder sorts events: into so many buckets of keys of each kind, or
	// for 0 by their keys.
	Partition() int
	// Process turns a PCollection of keyed.Batch into blocks of changes.
	Process(s beam.Scope, job runtime.Job, kinds []keyed.Spec, batches beam.PCollection) ([]write.Blocks, error)
}

// build builds the graph of the job. control is that of a source without an end that was begun in this
// process; else nil.
func (j *Job) build(s beam.Scope, control source.Control) error {
	return j.graph(s, j.driver(), control)
}

// graph is the story of a record, with a driver that keeps the states of keys.
func (j *Job) graph(s beam.Scope, driver Driver, control source.Control) error {
	job, kinds := j.runtime(), j.options.kinds()

	records, agents := j.read(s, source.ReadOptions{Job: j.id, Control: control, Stream: j.options.Mode == Stream, NewestEvent: newestEvent})
	inputs, letters := decode.Records(s, job, kinds, driver.Partition(), j.options.since, records)
	changes, err := driver.Process(s, job, kinds, inputs)
	if err != nil {
		return err
	}
	write.Changes(s, job, slices.Concat(letters, agents, changes)...)
	return nil
}

// read reads the source: its records, and blocks of changes with the rows of agents that it knows of
// without any record, if there are such.
func (j *Job) read(s beam.Scope, o source.ReadOptions) (records beam.PCollection, agents []write.Blocks) {
	src, ok := j.source.(source.AgentSource)
	if !ok {
		return j.source.Read(s, o), nil
	}
	records, found := src.ReadAgents(s, o)
	return records, []write.Blocks{{Name: "agents", PCollection: agent.Snapshots(s, j.options.attributes.Text(), found)}}
}

// kinds returns what keys of the job stand for, in the order in which they are processed. A new
// kind is one more.
func (o Options) kinds() []keyed.Spec {
	// A state directory may hold conversations, whether any are fetched now or not.
	turns := o.transcripts.Fetches() || o.State != ""
	kinds := []keyed.Spec{
		o.TaskOptions().Spec(),
		worker.Options{Hidden: o.Hidden, AsOf: o.asOf(), Turns: turns, Choice: o.choice}.Spec(),
		customer.Spec(), // gets its inputs from tasks
	}
	if turns { // and so do conversations; authors get theirs from workers and conversations
		c := conversation.Options{Fetch: o.transcripts.Fetches(), NoText: o.Text == TextNone}
		kinds = append(kinds, c.InteractionSpec(), c.Spec(), conversation.AuthorSpec())
	}
	return kinds
}

// driver chooses where the states of keys are: gathered at once where the source has an end; in
// this process for a stream on the embedded runner; else where Beam keeps them.
func (j *Job) driver() Driver {
	switch {
	case j.options.Mode == Batch:
		_, bytes := j.source.Size()
		return grouped.Driver{Buckets: bucketsFor(bytes), Compress: j.options.runner(needs(Batch, false)).Encodes}
	case j.embedded():
		return local.Driver{AtOnce: j.options.AtOnce}
	}
	return beamstate.Driver{}
}

// bucketsFor returns into how many buckets the keys are divided: enough that one bucket's events
// are few megabytes.
func bucketsFor(bytes int64) int {
	const perBucket = 16 << 20 // of input
	return int(min(max(16, bytes/perBucket), 4096))
}
