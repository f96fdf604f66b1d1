package duckdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"flexbeam/schemas/model"
)

// Keys implements sink.Keeper. It is meant for the start of a job: what was written since may be missing.
func (w *writer) Keys(_ context.Context, id model.TableID, f func(model.Row) error) error {
	if w.store.rows[model.Tables[id].Name] == 0 {
		return nil
	}
	return w.store.keys(id, "", f)
}

// Find implements sink.Finder.
func (w *writer) Find(_ context.Context, id model.TableID, account, sid string, f func(model.Row) error) error {
	owner := map[model.TableID]string{model.EngagementsID: "task_sid", model.AgentStatusID: "agent_id", model.CustomersID: "contact_id"}[id]
	where, texts := owner+" = $1", []string{validText(sid)}
	if id != model.CustomersID {
		where += " AND account_sid = $2"
		texts = append(texts, validText(account))
	}
	return w.store.keys(id, where, f, texts...)
}

// keys calls f with the keys of the rows of a table for which a condition with parameters holds.
func (s *store) keys(id model.TableID, where string, f func(model.Row) error, parameters ...string) error {
	t := model.Tables[id]
	columns := t.Keys()
	switch id {
	case model.EngagementsID:
		columns = append(columns[:len(columns):len(columns)], t.Col("task_sid"))
	case model.CustomersID:
		if where != "" {
			where += " AND "
		}
		where += "isolated"
	}
	if where != "" {
		where = " WHERE " + where
	}
	var list []string
	for _, i := range columns {
		c := &t.Columns[i]
		switch c.Type {
		case model.String:
			list = append(list, c.Name)
		case model.Timestamp:
			list = append(list, "epoch_ms("+c.Name+")::VARCHAR")
		default:
			return fmt.Errorf("duckdb: read keys of %s: column %s is neither text nor time", t.Name, c.Name)
		}
	}
	row := t.NewRow()
	s.reading.Lock()
	defer s.reading.Unlock()
	err := s.texts("SELECT "+strings.Join(list, ", ")+" FROM "+t.Name+where, func(cells []string) error {
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
	}, parameters...)
	if err != nil {
		return fmt.Errorf("duckdb: read keys of %s: %w", t.Name, err)
	}
	return nil
}
