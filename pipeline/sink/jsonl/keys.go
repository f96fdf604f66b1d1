package jsonl

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"flexbeam/schemas/model"
)

// Keys implements sink.Keeper.
func (w *writer) Keys(_ context.Context, id model.TableID, f func(model.Row) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	t := w.tables[id]
	row := t.NewRow()
	for _, e := range t.entries {
		if e.gone {
			continue
		}
		var cells map[string]any
		if err := json.Unmarshal([]byte(e.line), &cells); err != nil {
			return fmt.Errorf("jsonl: read keys of %s: %w", t.Name, err)
		}
		if isolated, _ := cells["isolated"].(bool); id == model.CustomersID && !isolated {
			continue
		}
		for i, c := range t.Columns {
			s, ok := cells[c.Name].(string)
			if !ok || !c.Key && c.Name != "task_sid" {
				continue
			}
			row[i] = model.Text(s)
			if c.Type == model.Timestamp {
				at, err := time.Parse(model.TimeLayout, s)
				if err != nil {
					return fmt.Errorf("jsonl: read keys of %s: %w", t.Name, err)
				}
				row[i] = model.Millis(at.UnixMilli())
			}
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}
