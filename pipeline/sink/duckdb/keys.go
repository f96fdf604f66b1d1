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
	t := model.Tables[id]
	if w.store.rows[t.Name] == 0 {
		return nil
	}
	columns := t.Keys()
	where := ""
	switch id {
	case model.EngagementsID:
		columns = append(columns[:len(columns):len(columns)], t.Col("task_sid"))
	case model.CustomersID:
		where = " WHERE isolated"
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
	err := w.store.texts("SELECT "+strings.Join(list, ", ")+" FROM "+t.Name+where, func(cells []string) error {
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
	})
	if err != nil {
		return fmt.Errorf("duckdb: read keys of %s: %w", t.Name, err)
	}
	return nil
}
