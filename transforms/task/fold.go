// Package task turns the events of tasks into changes: it removes duplicates, folds engagements and customers, and numbers
// the versions. The same Fold serves batch, where a block holds the events of many tasks, and streaming, where state
// holds those of one.
package task

import (
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/engagement"
)

// Options are the options of the fold.
type Options struct {
	ContactKey  string   // customer.Key
	LeftReasons []string // reasons that mean that the customer left; nil: engagement.DefaultLeftReasons
}

// A Folder folds tasks. It reuses its memory and serves one goroutine.
type Folder struct {
	engagements *engagement.Folder
	customers   *customer.Folder
	row         model.Row
}

// NewFolder returns a Folder.
func NewFolder(o Options) *Folder {
	return &Folder{
		engagements: engagement.NewFolder(o.LeftReasons),
		customers:   customer.NewFolder(customer.Key(o.ContactKey)),
		row:         model.Customers.NewRow(),
	}
}

// Outcome is what a Fold tells besides its changes.
type Outcome struct {
	Distinct int   // distinct events
	Version  int64 // row_version of the task's rows
}

// Fold calls emit with every row of the task (account, task): engagements, and the isolated customer if there is one; and see
// with each customer's row that an event of the task gives, with that event's id. Rows are valid until the
// callback returns. events are records of the task's events in any order, with duplicates; they are reordered.
func (f *Folder) Fold(account, task string, events []*event.Event, emit func(model.TableID, model.Row), see func(eventID string, row model.Row)) (Outcome, error) {
	events, err := event.Distinct(events)
	if err != nil {
		return Outcome{}, err
	}
	streamed := 0
	for _, e := range events {
		if e.Stream {
			streamed++
		}
	}
	out := Outcome{len(events), int64(len(events))*4096 + int64(min(streamed, 4095))}
	if task == "" {
		return out, nil // events of queues and workflows: counted, no rows
	}
	c := f.customers.Fold(task, events, out.Version)
	t := engagement.Task{Account: account, SID: task, Contact: c.ContactID, Named: c.Named, Version: out.Version}
	f.engagements.Fold(t, events, func(r model.Row) { emit(model.EngagementsID, r) })
	if c.Isolated != nil {
		emit(model.CustomersID, c.Isolated)
	}
	for _, s := range c.Sightings {
		customer.Row(f.row, s.Contact, s.Profile, s.Event.Time, s.Event.Stamp())
		see(s.Event.ID, f.row)
	}
	return out, nil
}
