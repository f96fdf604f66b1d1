// Package customer folds the events of a task into the contacts that they name.
//
// Each event speaks for itself: its own attributes, with its own direction, may yield a contact.
// Over all tasks and accounts, the newest event of a contact gives its whole row. A task without
// any contact has an isolated row of its own (contract, sections 2.14 and 3).
//
// A contact is a kind of key, as a task is (observation.go): the fold of a task gives observations
// of contacts, and the newest one of each counts.
package customer

import (
	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// An Observation is the newest event of one task that names a contact.
type Observation struct {
	Contact string // contact_id
	Event   *event.Event
	Profile Profile
}

// Result is what the events of one task say of customers.
type Result struct {
	ContactID    string        // contact_id of the task's engagements
	Named        *Named        // all that the task may call the customer by
	Observations []Observation // one for each contact that an event names; empty for an isolated task
	Isolated     model.Row     // the row of a task without any contact, else nil
}

// A Folder folds tasks. It reuses its memory and serves one goroutine: a Result is valid until the
// next Fold.
type Folder struct {
	key          Key
	columns      columns
	overlay      *attribute.Overlay
	named        Named
	found        []candidate // of the snapshot that was read last
	last         attribute.Snapshot
	lastOK       bool
	profile      Profile
	id           string
	observations []Observation
	row          model.Row
}

// NewFolder returns a Folder that hashes contacts with key. a are the attributes of the job; nil: the
// built-in ones.
func NewFolder(key Key, a *model.Attributes) *Folder {
	return &Folder{key: key, columns: newColumns(a), named: Named{key: key}, overlay: attribute.NewOverlay(a.Task()), row: model.Customers.NewRow()}
}

// Fold takes the distinct events of one task in order. version is the task's row_version.
func (f *Folder) Fold(task string, events []*event.Event, version int64) Result {
	f.observations = f.observations[:0]
	f.named.reset()
	f.lastOK = false
	var best, attributed, newest *event.Event
	var bestKind Kind
	contact := task
	for _, e := range events {
		if e.NewerThan(newest) {
			newest = e
		}
		if !e.HasTaskAttributes {
			continue
		}
		if e.NewerThan(attributed) {
			attributed = e
		}
		p, id := f.read(e.TaskAttributes)
		if p.Kind == NoContact {
			continue
		}
		f.see(id, e, p)
		if best == nil || p.Kind < bestKind || p.Kind == bestKind && e.NewerThan(best) {
			best, bestKind, contact = e, p.Kind, id
		}
	}
	r := Result{ContactID: contact, Named: &f.named, Observations: f.observations}
	if best == nil && newest != nil {
		var p Profile
		if attributed != nil {
			newest = attributed
			p, _ = f.read(attributed.TaskAttributes)
		}
		p.Kind = Task
		Row(f.row, task, p, newest.Time, version)
		r.Isolated = f.row
	}
	return r
}

func (f *Folder) read(s attribute.Snapshot) (Profile, string) {
	if !f.lastOK || s != f.last {
		f.overlay.Reset()
		f.overlay.Add(s)
		f.last, f.lastOK = s, true
		f.found = candidates(f.found[:0], f.overlay)
		f.named.add(f.found)
		f.profile = f.columns.profile(f.overlay, f.found)
		f.id = f.profile.Contact
		if f.profile.Kind != NoContact {
			f.id = f.key.ID(f.profile.Contact)
		}
	}
	return f.profile, f.id
}

func (f *Folder) see(id string, e *event.Event, p Profile) {
	for i := range f.observations {
		if s := &f.observations[i]; s.Contact == id {
			if e.NewerThan(s.Event) {
				s.Event, s.Profile = e, p
			}
			return
		}
	}
	f.observations = append(f.observations, Observation{id, e, p})
}

// Row fills a row of customers.
func Row(r model.Row, contact string, p Profile, updatedAt event.Millis, version int64) {
	clear(r)
	r[col.contact] = model.Text(contact)
	r[col.kind] = model.Text(p.Kind.String())
	r[col.state] = model.Text(p.State)
	r[col.country] = model.Text(p.Country)
	r[col.category] = model.Text(p.Category)
	r[col.organization] = model.Text(p.Organization)
	r[col.region] = model.Text(p.Region)
	r[col.segment] = model.Text(p.Segment)
	r[col.isolated] = model.Boolean(p.Kind == Task)
	r[col.updatedAt] = model.Millis(updatedAt)
	r[col.version] = model.Integer(version)
}

var col = struct {
	contact, kind, state, country, category, organization, region, segment, isolated, updatedAt, version int
}{
	contact: model.Customers.Col("contact_id"), kind: model.Customers.Col("contact_kind"), state: model.Customers.Col("state"),
	country: model.Customers.Col("country"), category: model.Customers.Col("category"), organization: model.Customers.Col("organization"),
	region: model.Customers.Col("region"), segment: model.Customers.Col("segment"), isolated: model.Customers.Col("isolated"),
	updatedAt: model.Customers.Col("updated_at"), version: model.Customers.Col("row_version"),
}
