package duckdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"flexbeam/schemas/model"
)

// Keys implements sink.Sink.
func (w *writer) Keys(_ context.Context, id model.TableID, f func(model.Row) error) error {
	t := model.Tables[id]
	return w.store.keys(t, t.KeyColumnsWithOwner(), "", f)
}

// Find implements sink.Sink.
func (w *writer) Find(_ context.Context, id model.TableID, q model.OwnerQuery, f func(model.Row) error) error {
	t := model.Tables[id]
	if t.Owner.Kind == "" || len(q.Owners) == 0 || q.From > q.To && t.Owner.Time != "" {
		return nil
	}
	sids, accounts := make([]string, len(q.Owners)), make([]string, len(q.Owners))
	for i, o := range q.Owners {
		sids[i], accounts[i] = validText(o.SID), validText(o.Account)
	}
	if t.Owner.Account == "" {
		return w.store.keys(t, t.FoundColumns(), " SEMI JOIN (SELECT unnest($1) AS sid) AS o ON t."+t.Owner.SID+" = o.sid", f, sids)
	}
	join := fmt.Sprintf(" SEMI JOIN (SELECT unnest($1) AS sid, unnest($2) AS account) AS o ON t.%s = o.sid AND t.%s = o.account", t.Owner.SID, t.Owner.Account)
	if t.Owner.Time != "" {
		join += fmt.Sprintf(" AND t.%s BETWEEN %s AND %s", t.Owner.Time, timestamp(q.From), timestamp(q.To))
	}
	return w.store.keys(t, t.FoundColumns(), join, f, sids, accounts)
}

// timestamp returns a time in ms as SQL. What lies beyond the years that rows can have becomes
// their end.
func timestamp(ms int64) string {
	const most = 253_402_300_799_999 // the end of the year 9999
	return fmt.Sprintf("make_timestamptz(%d)", min(max(ms, -most), most)*1000)
}

// OtherJobs implements sink.Sink: the file is locked while it is open.
func (w *writer) OtherJobs(context.Context) (bool, error) { return false, nil }

// keys calls f with some columns of the rows that a join with lists of texts leaves of a table.
func (s *store) keys(t *model.Table, columns []int, join string, f func(model.Row) error, lists ...[]string) error {
	var names []string
	for _, i := range columns {
		c := &t.Columns[i]
		switch c.Type {
		case model.String:
			names = append(names, c.Name)
		case model.Timestamp:
			names = append(names, "epoch_ms("+c.Name+")::VARCHAR")
		case model.Int:
			names = append(names, c.Name+"::VARCHAR")
		default:
			return fmt.Errorf("duckdb: read keys of %s: column %s is neither text, time nor integer", t.Name, c.Name)
		}
	}
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name + " AS t" + join
	if t.Owner.Only != "" {
		query += " WHERE t." + t.Owner.Only
	}
	row := t.NewRow()
	s.reading.Lock()
	defer s.reading.Unlock()
	err := s.texts(query, func(cells []string) error {
		for n, i := range columns {
			if t.Columns[i].Type == model.String {
				row[i] = model.Text(cells[n])
				continue
			}
			number, err := strconv.ParseInt(cells[n], 10, 64)
			if err != nil {
				return err
			}
			row[i] = model.Millis(number)
			if t.Columns[i].Type == model.Int {
				row[i] = model.Integer(number)
			}
		}
		return f(row)
	}, lists...)
	if err != nil {
		return fmt.Errorf("duckdb: read keys of %s: %w", t.Name, err)
	}
	return nil
}
