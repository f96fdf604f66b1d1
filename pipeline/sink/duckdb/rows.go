package duckdb

import (
	"context"
	"encoding/hex"
	"strconv"

	"flexbeam/schemas/model"
)

// Rows implements sink.Sink.
func (w *writer) Rows(_ context.Context, id model.TableID, column string, texts []string, f func(model.Row) error) error {
	t := model.Tables[id]
	if column == "" {
		return w.store.lookUp(t, t.All(), "", f)
	}
	return w.store.lookUp(t, t.All(), " SEMI JOIN (SELECT unnest($1) AS wanted) AS o ON t."+column+" = o.wanted", f, model.ValidTexts(texts))
}

// cellText returns what reads a cell, or the greatest of a group of times, as text. A text has a mark in
// front, since texts gives null as the empty one.
func cellText(c *model.Column, greatest bool) string {
	name := "t." + c.Name
	if greatest {
		name = "max(" + name + ")"
	}
	switch c.Type {
	case model.String:
		return "'=' || " + name
	case model.Bytes:
		return "'=' || hex(" + name + ")"
	case model.Timestamp:
		return "epoch_ms(" + name + ")::VARCHAR"
	}
	return name + "::VARCHAR"
}

// readCell reads what cellText gives.
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
