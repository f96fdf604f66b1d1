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
	return w.store.keys(model.Tables[id], "", f)
}

// Find implements sink.Sink.
func (w *writer) Find(_ context.Context, id model.TableID, owners []model.OwnerKey, f func(model.Row) error) error {
	t := model.Tables[id]
	if t.Owner.Kind == "" || len(owners) == 0 {
		return nil
	}
	sids, accounts := make([]string, len(owners)), make([]string, len(owners))
	for i, o := range owners {
		sids[i], accounts[i] = validText(o.SID), validText(o.Account)
	}
	if t.Owner.Account == "" {
		return w.store.keys(t, " SEMI JOIN (SELECT unnest($1) AS sid) AS o ON t."+t.Owner.SID+" = o.sid", f, sids)
	}
	join := fmt.Sprintf(" SEMI JOIN (SELECT unnest($1) AS sid, unnest($2) AS account) AS o ON t.%s = o.sid AND t.%s = o.account", t.Owner.SID, t.Owner.Account)
	return w.store.keys(t, join, f, sids, accounts)
}

// keys calls f with the keys and owners of the rows that a join with lists of texts leaves of a table.
func (s *store) keys(t *model.Table, join string, f func(model.Row) error, lists ...[]string) error {
	columns := t.KeyColumnsWithOwner()
	var names []string
	for _, i := range columns {
		c := &t.Columns[i]
		switch c.Type {
		case model.String:
			names = append(names, c.Name)
		case model.Timestamp:
			names = append(names, "epoch_ms("+c.Name+")::VARCHAR")
		default:
			return fmt.Errorf("duckdb: read keys of %s: column %s is neither text nor time", t.Name, c.Name)
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
			ms, err := strconv.ParseInt(cells[n], 10, 64)
			if err != nil {
				return err
			}
			row[i] = model.Millis(ms)
		}
		return f(row)
	}, lists...)
	if err != nil {
		return fmt.Errorf("duckdb: read keys of %s: %w", t.Name, err)
	}
	return nil
}
