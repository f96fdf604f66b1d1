// Package worker is the kind of key worker: its rules (logic.go), and the fold of one worker's
// events into rows. The fold removes duplicates and calls those of agents and of their time in
// activities. It is the same for every driver.
package worker

import (
	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/keyed"
)

// Options are the options of the fold.
type Options struct {
	Hidden []string // activities that are not kept, in any case
	// AsOf is a time: running activities count up to the last quarter hour before it.
	// event.None: they do not count.
	AsOf event.Millis
	// Turns says that there are turns: names of authors are told which worker has them.
	Turns bool `json:",omitempty"`

	Texts      event.TextReader  `json:"-"`          // reads a record's text again; nil where none can be read
	Attributes *model.Attributes `json:"-"`          // of the job; nil: the built-in ones
	Choice     *keyed.Choice     `json:",omitempty"` // of which quarter hours rows are written; nil: of all
}

// A Folder folds workers. It reuses its memory and serves one goroutine.
type Folder struct {
	options Options
	agents  *agent.Folder
	status  *agentstatus.Folder
	missing evidence.Counts // of the last fold
}

// NewFolder returns a Folder.
func NewFolder(o Options) *Folder {
	return &Folder{options: o, agents: agent.NewFolder(o.Attributes), status: agentstatus.NewFolder(o.Hidden)}
}

// Fold calls emit with every row of the worker (account, worker), and returns how many of its
// distinct events belong to no task. A row is valid until emit returns. events are the records of
// the worker's events, in any order, with duplicates; they are reordered.
func (f *Folder) Fold(account, worker string, events []*event.Event, emit func(model.TableID, model.Row)) (own int, err error) {
	return f.FoldAsOf(account, worker, events, f.options.AsOf, emit)
}

// FoldAsOf is Fold with another time for running activities than that of the options.
func (f *Folder) FoldAsOf(account, worker string, events []*event.Event, asOf event.Millis, emit func(model.TableID, model.Row)) (own int, err error) {
	if events, err = event.Distinct(events, f.options.Texts); err != nil {
		return 0, err
	}
	if r := f.agents.Fold(account, worker, events); r != nil {
		emit(model.AgentsID, r)
	}
	f.status.Fold(account, worker, events, asOf, func(r model.Row) { emit(model.AgentStatusID, r) })
	f.missing = evidence.Counts{}
	updates, busy := false, 0
	for _, e := range events {
		if !e.OfTask {
			own++
		}
		if e.Kind.OfWorker() {
			f.missing[evidence.Workers] = 1
			updates = updates || e.Kind == event.WorkerActivityUpdate
		}
		if e.Kind != event.WorkerDeleted {
			busy++
		}
	}
	if !updates && busy > 1 { // a worker that was only made has no activity yet
		f.missing[evidence.WorkersSilent] = f.missing[evidence.Workers]
	}
	return own, nil
}

// Evidence counts what the last Fold found to be missing.
func (f *Folder) Evidence() evidence.Counts { return f.missing }

// Known is agentstatus.Folder's: the quarter hours of which the last Fold knows something.
func (f *Folder) Known() (first, last event.Millis, ok bool) { return f.status.Known() }

// Open is agentstatus.Folder's: the end of the quarter hour that has to be folded again then.
func (f *Folder) Open() (end event.Millis, ok bool) { return f.status.Open() }

// Deleted returns the row_version of the delete of a row that the last Fold no longer yields; ok is
// false where the row stays.
func (f *Folder) Deleted(t model.TableID, r model.Row) (version int64, ok bool) {
	if t == model.AgentStatusID {
		return f.status.Deleted(r)
	}
	return 0, false // an agent stays once it was seen
}
