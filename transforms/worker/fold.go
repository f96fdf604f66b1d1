// Package worker turns the events of workers into changes: it removes duplicates and folds agents and their time in
// activities. The same Fold serves batch and streaming.
package worker

import (
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/agentstatus"
)

// Options are the options of the fold.
type Options struct {
	Hidden []string // activities that are not kept, in any case
	AsOf   int64    // ms; running activities count up to the last quarter hour before it; event.None: they do not
}

// A Folder folds workers. It reuses its memory and serves one goroutine.
type Folder struct {
	options Options
	agents  *agent.Folder
	status  *agentstatus.Folder
}

// NewFolder returns a Folder.
func NewFolder(o Options) *Folder {
	return &Folder{options: o, agents: agent.NewFolder(), status: agentstatus.NewFolder(o.Hidden)}
}

// Fold calls emit with every row of the worker (account, worker), valid until emit returns, and returns the number of its
// distinct events that belong to no task. events are records of the worker's events in any order, with duplicates; they are reordered.
func (f *Folder) Fold(account, worker string, events []*event.Event, emit func(model.TableID, model.Row)) (own int, err error) {
	return f.FoldAsOf(account, worker, events, f.options.AsOf, emit)
}

// FoldAsOf is Fold with another time for running activities than that of the options.
func (f *Folder) FoldAsOf(account, worker string, events []*event.Event, asOf int64, emit func(model.TableID, model.Row)) (own int, err error) {
	if events, err = event.Distinct(events); err != nil {
		return 0, err
	}
	if r := f.agents.Fold(account, worker, events); r != nil {
		emit(model.AgentsID, r)
	}
	f.status.Fold(account, worker, events, asOf, func(r model.Row) { emit(model.AgentStatusID, r) })
	for _, e := range events {
		if !e.OfTask {
			own++
		}
	}
	return own, nil
}

// Runs tells whether an activity that is kept was still running at the end of the last Fold.
func (f *Folder) Runs() bool { return f.status.Runs() }

// Deleted returns the row_version of the delete of a row that the last Fold no longer yields; ok is false where the row stays.
func (f *Folder) Deleted(t model.TableID, r model.Row) (version int64, ok bool) {
	if t == model.AgentStatusID {
		return f.status.Deleted(r)
	}
	return 0, false // an agent stays once it was seen
}
