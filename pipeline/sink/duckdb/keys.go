package duckdb

import (
	"context"
	"fmt"
	"strings"

	"flexbeam/internal/span"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

// Owners implements sink.Sink.
func (w *writer) Owners(_ context.Context, id model.TableID, in span.Span, f func(model.Row) error) error {
	t := model.Tables[id]
	if t.Owner.Kind == "" {
		return nil
	}
	at := t.Columns[t.TimeColumn()].Name
	condition := fmt.Sprintf("(t.%s IS NULL OR t.%s)", at, within(at, in.From, in.To))
	var owner []string
	for _, i := range t.OwnerColumns() {
		if name := t.Columns[i].Name; name != t.Owner.Time {
			owner = append(owner, "t."+name)
		}
	}
	grouped := " GROUP BY " + strings.Join(owner, ", ")
	return w.store.lookUp(t, t.OwnerColumns(), " WHERE "+condition+only(t, " AND ")+grouped, f)
}

// Find implements sink.Sink.
func (w *writer) Find(_ context.Context, id model.TableID, q model.OwnerQuery, f func(model.Row) error) error {
	t := model.Tables[id]
	if t.Owner.Kind == "" || len(q.Owners) == 0 || q.From > q.To && t.Day() != "" {
		return nil
	}
	sids, accounts := make([]string, len(q.Owners)), make([]string, len(q.Owners))
	for i, o := range q.Owners {
		sids[i], accounts[i] = model.ValidText(o.SID), model.ValidText(o.Account)
	}
	if t.Owner.Account == "" {
		return w.store.lookUp(t, q.Columns(t), " SEMI JOIN (SELECT unnest($1) AS sid) AS o ON t."+t.Owner.SID+" = o.sid"+only(t, " WHERE "), f, sids)
	}
	join := fmt.Sprintf(" SEMI JOIN (SELECT unnest($1) AS sid, unnest($2) AS account) AS o ON t.%s = o.sid AND t.%s = o.account", t.Owner.SID, t.Owner.Account)
	if day := t.Day(); day != "" {
		join += " AND t." + within(day, q.From, q.To)
	}
	return w.store.lookUp(t, q.Columns(t), join+only(t, " WHERE "), f, sids, accounts)
}

// Queries implements sink.Sink: DuckDB charges for none.
func (w *writer) Queries() sink.Queries { return sink.Queries{} }

// only is the condition that a row of a table with owners has one, behind a word; empty where all
// have.
func only(t *model.Table, word string) string {
	if t.Owner.Only == "" {
		return ""
	}
	return word + "t." + t.Owner.Only
}

// within is the condition that a column lies in a span.
func within(column string, from, to int64) string {
	return fmt.Sprintf("%s BETWEEN %s AND %s", column, timestamp(from), timestamp(to))
}

// timestamp returns a time in ms as SQL. What lies beyond the years that rows can have becomes
// their end.
func timestamp(ms int64) string {
	const most = 253_402_300_799_999 // the end of the year 9999
	return fmt.Sprintf("make_timestamptz(%d)", min(max(ms, -most), most)*1000)
}

// OtherJobs implements sink.Sink: the file is locked while it is open.
func (w *writer) OtherJobs(context.Context) (bool, error) { return false, nil }

// lookUp calls f with some columns of the rows that the end of a query with lists of texts leaves of a
// table t. In a query with groups the time of owners is the latest.
func (s *store) lookUp(t *model.Table, columns []int, end string, f func(model.Row) error, lists ...[]string) error {
	grouped := strings.Contains(end, " GROUP BY ")
	cells := make([]string, len(columns))
	for n, i := range columns {
		cells[n] = cellText(&t.Columns[i], grouped && t.Columns[i].Name == t.Owner.Time)
	}
	row := t.NewRow()
	s.reading.Lock()
	defer s.reading.Unlock()
	err := s.texts("SELECT "+strings.Join(cells, ", ")+" FROM "+t.Name+" AS t"+end, func(cells []string) error {
		for n, i := range columns {
			if err := readCell(&row[i], t.Columns[i].Type, cells[n]); err != nil {
				return fmt.Errorf("column %s: %w", t.Columns[i].Name, err)
			}
		}
		return f(row)
	}, lists...)
	if err != nil {
		return fmt.Errorf("duckdb: read rows of %s: %w", t.Name, err)
	}
	return nil
}
