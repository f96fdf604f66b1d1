package duckdb

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"flexbeam/schemas/model"
)

// Rows implements sink.Sink.
func (w *writer) Rows(_ context.Context, id model.TableID, column string, texts []string, f func(model.Row) error) error {
	t := model.Tables[id]
	var lists [][]string
	end := ""
	if column != "" {
		end = " SEMI JOIN (SELECT unnest($1) AS wanted) AS o ON t." + column + " = o.wanted"
		valid := make([]string, len(texts))
		for i, s := range texts {
			valid[i] = validText(s)
		}
		lists = append(lists, valid)
	}
	return w.store.wholeRows(t, end, f, lists...)
}

// wholeRows calls f with the rows that the end of a query with lists of texts leaves of a table t.
func (s *store) wholeRows(t *model.Table, end string, f func(model.Row) error, lists ...[]string) error {
	cells := make([]string, len(t.Columns))
	for i := range t.Columns {
		cells[i] = wholeCell(&t.Columns[i])
	}
	row := t.NewRow()
	s.reading.Lock()
	defer s.reading.Unlock()
	err := s.texts("SELECT "+strings.Join(cells, ", ")+" FROM "+t.Name+" AS t"+end, func(cells []string) error {
		for i := range row {
			if err := readCell(&row[i], t.Columns[i].Type, cells[i]); err != nil {
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

// wholeCell returns what reads a cell as text. A text has a mark in front, since texts gives null as
// the empty one.
func wholeCell(c *model.Column) string {
	switch c.Type {
	case model.String:
		return "'=' || t." + c.Name
	case model.Bytes:
		return "'=' || hex(t." + c.Name + ")"
	case model.Timestamp:
		return "epoch_ms(t." + c.Name + ")::VARCHAR"
	}
	return "t." + c.Name + "::VARCHAR"
}

// readCell reads what wholeCell gives.
func readCell(v *model.Value, kind model.Type, text string) (err error) {
	if *v = (model.Value{}); text == "" {
		return nil
	}
	v.Type = kind
	switch kind {
	case model.String:
		v.Str = text[1:]
	case model.Bytes:
		var b []byte
		b, err = hex.DecodeString(text[1:])
		v.Str = string(b)
	case model.Float:
		var n float64
		n, err = strconv.ParseFloat(text, 64)
		*v = model.Number(n)
	case model.Bool:
		*v = model.Boolean(text == "true")
	default:
		v.Num, err = strconv.ParseInt(text, 10, 64)
	}
	return err
}
