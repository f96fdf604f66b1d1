package jsonl

import (
	"context"
	"encoding/json"
	"fmt"

	"flexbeam/internal/span"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

// Owners implements sink.Sink. An owner comes as often as it has rows.
func (w *writer) Owners(_ context.Context, id model.TableID, in span.Span, f func(model.Row) error) error {
	t := w.tables[id]
	if t.Owner.Kind == "" {
		return nil
	}
	at := t.TimeColumn()
	return w.owned(t, false, func(r model.Row) error {
		if !r[at].IsNull() && !in.Covers(span.Span{From: r[at].Num, To: r[at].Num}) {
			return nil
		}
		return f(r)
	})
}

// Queries implements sink.Sink: files charge for none.
func (w *writer) Queries() sink.Queries { return sink.Queries{} }

// Find implements sink.Sink.
func (w *writer) Find(_ context.Context, id model.TableID, q model.OwnerQuery, f func(model.Row) error) error {
	t := w.tables[id]
	if t.Owner.Kind == "" || len(q.Owners) == 0 {
		return nil
	}
	wanted := make(map[model.OwnerKey]bool, len(q.Owners))
	for _, o := range q.Owners {
		o.Account, o.SID = model.ValidText(o.Account), model.ValidText(o.SID)
		if t.Owner.Account == "" {
			o.Account = ""
		}
		wanted[o] = true
	}
	return w.owned(t, q.Whole, func(r model.Row) error {
		account, sid := t.OwnerKey(r)
		if !wanted[model.OwnerKey{Account: account, SID: sid}] || !q.Holds(t.Table, r) {
			return nil
		}
		return f(r)
	})
}

// Rows implements sink.Sink.
func (w *writer) Rows(_ context.Context, id model.TableID, column string, texts []string, f func(model.Row) error) error {
	t := w.tables[id]
	wanted := make(map[string]bool, len(texts))
	for _, s := range texts {
		wanted[model.ValidText(s)] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	row := t.NewRow()
	for _, e := range t.entries {
		if e.gone {
			continue
		}
		if err := t.read(e, row); err != nil {
			return fmt.Errorf("jsonl: read rows of %s: %w", t.Name, err)
		}
		if column != "" {
			if v := t.Get(row, column); v.IsNull() || !wanted[v.Str] {
				continue
			}
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}

// read reads the line of a row.
func (t *table) read(e entry, row model.Row) error {
	var fields map[string]json.RawMessage
	err := json.Unmarshal([]byte(e.line), &fields)
	for i := range t.Columns {
		if err == nil {
			err = t.take(row, i, fields)
		}
	}
	return err
}

// OtherJobs implements sink.Sink: the folder is locked while it is open.
func (w *writer) OtherJobs(context.Context) (bool, error) { return false, nil }

// owned calls f with what is known of the rows that have an owner, or with the whole rows.
func (w *writer) owned(t *table, whole bool, f func(model.Row) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	row := t.NewRow()
	for _, e := range t.entries {
		if e.known == nil {
			continue
		}
		for n, i := range t.known {
			row[i] = e.known[n]
		}
		if whole {
			if err := t.read(e, row); err != nil {
				return fmt.Errorf("jsonl: read rows of %s: %w", t.Name, err)
			}
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}
