// Package agent folds the events of one worker into the row of an agent. The newest attributes
// count, as a whole (contract, section 3).
package agent

import (
	"cmp"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// A Folder folds workers. It reuses its memory and serves one goroutine.
type Folder struct {
	columns []column
	overlay *attribute.Overlay
	row     model.Row
}

// NewFolder returns a Folder. a are the attributes of the job; nil: the built-in ones.
func NewFolder(a *model.Attributes) *Folder {
	return &Folder{columns: newColumns(a), overlay: attribute.NewOverlay(a.Worker()), row: model.Agents.NewRow()}
}

// Fold returns the row of a worker from its distinct events, valid until the next Fold; nil without
// events. Besides worker.* these are all events that carry the worker's SID.
func (f *Folder) Fold(account, worker string, events []*event.Event) model.Row {
	newest, attributed, named := Deciding(events)
	if newest == nil {
		return nil
	}
	r := f.row
	clear(r)
	f.overlay.Reset()
	name := ""
	switch {
	case attributed != nil:
		f.overlay.Add(attributed.WorkerAttributes)
		name = attributed.Text[event.WorkerName]
	case named != nil:
		name = named.Text[event.WorkerName]
	}
	for _, c := range f.columns {
		for _, id := range c.ids {
			if f.overlay.Has(id) {
				if c.number {
					if n, ok := f.overlay.Number(id); ok {
						r[c.col] = model.Number(n)
					}
				} else {
					r[c.col] = model.Text(f.overlay.Text(id))
				}
				break
			}
		}
	}
	r[col.account] = model.Text(account)
	r[col.agent] = model.Text(worker)
	if r[col.name].IsNull() {
		r[col.name] = model.Text(cmp.Or(fullName(f.overlay), Identity(name)))
	}
	r[col.role] = model.Text(Role(f.overlay))
	r[col.roles] = model.Text(Roles(f.overlay))
	r[col.state] = model.Text("Active")
	if newest.Kind == event.WorkerDeleted {
		r[col.state] = model.Text("Inactive")
	}
	r[col.kind] = model.Text("User")
	r[col.updatedAt] = model.Millis(newest.Time)
	r[col.version] = model.Integer(newest.Stamp())
	return r
}

// Deciding returns the events that a worker's row is made from: the newest of all, the newest with
// attributes and the newest with a name; nil where there is none. The row is the same without the
// others.
func Deciding(events []*event.Event) (newest, attributed, named *event.Event) {
	for _, e := range events {
		if e.NewerThan(newest) {
			newest = e
		}
		if e.HasWorkerAttrs && e.NewerThan(attributed) {
			attributed = e
		}
		if e.Text[event.WorkerName] != "" && e.NewerThan(named) {
			named = e
		}
	}
	return newest, attributed, named
}

type column struct {
	col    int
	ids    []attribute.ID
	number bool
}

// newColumns returns those that come from worker attributes, in the order of sources that the model
// and further paths of a job give.
func newColumns(a *model.Attributes) (all []column) {
	for i, c := range model.Agents.Columns {
		if ids := a.Paths(&model.Agents, c.Name).All(); len(ids) > 0 {
			all = append(all, column{i, ids, c.Type == model.Float})
		}
	}
	return all
}

var col = struct{ account, agent, name, role, roles, state, kind, updatedAt, version int }{
	account: model.Agents.Col("account_sid"), agent: model.Agents.Col("agent_id"), name: model.Agents.Col("agent_name"),
	role: model.Agents.Col("role"), roles: model.Agents.Col("roles"), state: model.Agents.Col("state"), kind: model.Agents.Col("agent_type"),
	updatedAt: model.Agents.Col("updated_at"), version: model.Agents.Col("row_version"),
}
