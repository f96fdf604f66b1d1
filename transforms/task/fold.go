// Package task is the kind of key task: its rules (logic.go), and the fold of one task's events
// into rows. The fold removes duplicates, calls those of engagements and customers, and numbers the
// versions. It is the same for every driver.
package task

import (
	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
	"flexbeam/transforms/conversation"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/engagement"
	"flexbeam/transforms/keyed"
)

// Options are the options of the fold.
type Options struct {
	ContactKey  string            `json:"-"` // customer.Key; it does not travel to workers, which have their own
	KeyPrint    string            // of the ContactKey, by which a worker's key is checked; Spec sets it
	LeftReasons []string          // that mean that the customer left; nil: engagement.DefaultLeftReasons
	Texts       event.TextReader  `json:"-"`          // reads a record's text again; nil where none can be read
	Attributes  *model.Attributes `json:"-"`          // of the job; nil: the built-in ones
	NoText      bool              `json:",omitempty"` // texts of turns are left out
	Turns       bool              // conversations are told of their tasks, and recordings are turns
	Choice      *keyed.Choice     `json:",omitempty"` // of which tasks rows are written; nil: of all
}

// A Folder folds tasks. It reuses its memory and serves one goroutine.
type Folder struct {
	engagements *engagement.Folder
	customers   *customer.Folder
	row         model.Row
	texts       event.TextReader
	turns       *conversation.Digester // nil without Options.Turns
	noText      bool
}

// NewFolder returns a Folder.
func NewFolder(o Options) *Folder {
	f := &Folder{
		engagements: engagement.NewFolder(o.LeftReasons, o.Attributes),
		customers:   customer.NewFolder(customer.Key(o.ContactKey), o.Attributes),
		row:         model.Customers.NewRow(),
		texts:       o.Texts,
		noText:      o.NoText,
	}
	if o.Turns {
		f.turns = conversation.NewDigester(o.Attributes)
	}
	return f
}

// Outcome is what a Fold tells besides its changes.
type Outcome struct {
	Distinct int   // distinct events
	Version  int64 // row_version of the task's rows
	Evidence evidence.Counts

	Conversation string            // SID of the one that the task is part of; empty: none, or it is a call
	Part         conversation.Task // what it tells of that
	Recorded     bool              // it is a call, whose recordings are turns
}

// Fold folds the task (account, task). It calls emit with each of its rows: engagements, and the
// isolated customer if there is one. It calls see with each customer's row that an event of the
// task gives, and the ID of that event. Rows are valid until the callback returns. events are the
// records of the task's events, in any order, with duplicates; they are reordered.
func (f *Folder) Fold(account, task string, events []*event.Event, emit func(model.TableID, model.Row), see func(eventID string, row model.Row)) (Outcome, error) {
	events, err := event.Distinct(events, f.texts)
	if err != nil {
		return Outcome{}, err
	}
	streamed := 0
	for _, e := range events {
		if e.Stream {
			streamed++
		}
	}
	out := Outcome{Distinct: len(events), Version: int64(len(events))*4096 + int64(min(streamed, 4095))}
	if task == "" {
		return out, nil // events of queues and workflows: counted, no rows
	}
	c := f.customers.Fold(task, events, out.Version)
	t := engagement.Task{Account: account, SID: task, Contact: c.ContactID, Named: c.Named, Version: out.Version}
	f.engagements.Fold(t, events, f.rows(task, events, c.Named, &out, emit))
	if out.Conversation != "" {
		out.Part.Conversation = f.engagements.ConversationID(t)
	}
	out.Evidence = f.engagements.Evidence(events)
	if c.Isolated != nil {
		emit(model.CustomersID, c.Isolated)
	}
	for _, s := range c.Observations {
		customer.Row(f.row, s.Contact, s.Profile, s.Event.Time, s.Event.Stamp())
		see(s.Event.ID, f.row)
	}
	return out, nil
}

// rows returns what takes the engagements of a task: they are emitted, and where turns are made a
// conversation is told of them, or they are looked at for recordings.
func (f *Folder) rows(task string, events []*event.Event, named *customer.Named, out *Outcome, emit func(model.TableID, model.Row)) func(model.Row) {
	give := func(r model.Row) { emit(model.EngagementsID, r) }
	switch {
	case f.turns == nil || len(events) == 0:
		return give
	case conversation.OfVoice(events):
		out.Recorded = true
		return func(r model.Row) {
			give(r)
			conversation.RecordingTurn(r, f.noText, emit)
		}
	}
	if out.Conversation, out.Part = f.turns.Digest(task, events, named, out.Version); out.Conversation == "" {
		return give
	}
	return func(r model.Row) {
		give(r)
		out.Part.AddStay(r)
	}
}
