// Package erasure says what is left of a row when the person is erased whom it is about (contract,
// section 11). It is pure: who looks for the rows and stores them is package pipeline.
package erasure

import (
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/engagement"
)

var (
	contactID      = model.Engagements.Col("contact_id")
	conversationID = model.Engagements.Col("conversation_id")
	taskSID        = model.Engagements.Col("task_sid")
	updatedAt      = model.Engagements.Col("updated_at")
	freeTexts      = func() (columns []int) {
		for _, name := range engagement.HiddenColumns() {
			columns = append(columns, model.Engagements.Col(name))
		}
		return columns
	}()
)

// version returns the row_version of an erased row.
func version(v model.Value) model.Value { return model.Integer(max(v.Num, 0) | model.Erased) }

// IsErased tells whether a row was written by an erasure.
func IsErased(r model.Row) bool { return r[len(r)-1].Num >= model.Erased }

// Task erases all engagements of a task, whose rows it changes. It tells whether any of them had
// something to erase: all get the new version then, since the rows of a task have one.
func Task(rows []model.Row, names *Names) (changed bool) {
	for _, r := range rows {
		changed = engagementRow(r, names) || changed
	}
	if changed {
		for _, r := range rows {
			r[len(r)-1] = version(r[len(r)-1])
		}
	}
	return changed
}

// engagementRow erases a row but for its version. The task takes the place of the contact, as it
// does where a task never had one. Free texts go if they contain the contact.
func engagementRow(r model.Row, names *Names) bool {
	task := r[taskSID]
	of := Names{}
	if r[contactID] != task {
		of.Add(r[contactID].Str)
	}
	tells := func(text string) bool { return names.In(text) || of.In(text) }
	changed := model.Engagements.Empty(r)
	for _, i := range freeTexts {
		if !r[i].IsNull() && tells(r[i].Str) {
			r[i], changed = model.Value{}, true
		}
	}
	if r[contactID] != task {
		r[contactID], changed = task, true
	}
	if c := r[conversationID]; c != task && (!customer.IsSID(c.Str) || tells(c.Str)) {
		r[conversationID], changed = task, true
	}
	return changed
}

// Isolated returns the row of customers of an erased task: that of a task without a contact. It
// keeps the task erased where no engagement is left: its version tells every later job to leave the
// task alone.
func Isolated(engagements []model.Row) model.Row {
	newest := event.Millis(event.None)
	v := int64(0)
	for _, r := range engagements {
		if at := r[updatedAt]; !at.IsNull() {
			newest = max(newest, event.Millis(at.Num))
		}
		v = max(v, r[len(r)-1].Num)
	}
	row := model.Customers.NewRow()
	customer.Row(row, engagements[0][taskSID].Str, customer.Profile{Kind: customer.Task}, newest, v)
	if newest == event.None {
		row[model.Customers.Col("updated_at")] = model.Value{}
	}
	row[len(row)-1] = version(row[len(row)-1])
	return row
}

// Row erases a row of another table that stays, but for that of a contact, and tells whether there
// was something to erase.
func Row(t *model.Table, r model.Row) (changed bool) {
	if changed = t.Empty(r); changed {
		r[len(r)-1] = version(r[len(r)-1])
	}
	return changed
}

// Turn erases what a turn tells of its conversation, as Task does.
func Turn(r model.Row, names *Names) (changed bool) {
	conversation, task := model.Turns.Col("conversation_id"), model.Turns.Col("task_sid")
	if c := r[conversation]; c != r[task] && (!customer.IsSID(c.Str) || names.In(c.Str)) {
		r[conversation] = r[task]
		r[len(r)-1] = version(r[len(r)-1])
		return true
	}
	return false
}

// Delete returns the delete of a row that no older change revives.
func Delete(t *model.Table, r model.Row) change.Change {
	c := deleteOf(t, r)
	c.Row[len(r)-1] = version(r[len(r)-1])
	return c
}

// DeleteContact returns the delete of the row of a contact. Observations of events up to a time do
// not revive it where the key is remembered for a while; a later event of the person makes a new
// row. The key itself is the contact, so the delete forgets it.
func DeleteContact(r model.Row, now event.Millis) change.Change {
	c := deleteOf(&model.Customers, r)
	c.Forget = true
	c.Row[len(r)-1] = model.Integer(max(r[len(r)-1].Num, int64(now+1)*4096-1))
	return c
}

// deleteOf returns the delete of a row, without any cell that it does not need.
func deleteOf(t *model.Table, r model.Row) change.Change {
	c := change.Change{Table: t.ID, Delete: true, Row: t.NewRow()}
	for _, i := range t.Keys() {
		c.Row[i] = r[i]
	}
	if i, ok := t.PartitionColumn(); ok {
		c.Row[i] = r[i]
	}
	return c
}

// Letter erases a dead letter that tells of a person: its record goes. gone tells that the row has
// to go as a whole, since its key or its message tells of the person too.
func Letter(r model.Row, names *Names) (changed, gone bool) {
	d := &model.DeadLetters
	if !names.InRecord(d.Get(r, "payload").Str) && !names.In(d.Get(r, "position").Str) && !names.In(d.Get(r, "error").Str) {
		return false, false
	}
	if names.In(d.Get(r, "position").Str) || names.In(d.Get(r, "error").Str) {
		return true, true
	}
	return Row(d, r), false
}
