package bigquery

import (
	"time"

	"flexbeam/schemas/model"
)

// A column is a column of a table in BigQuery.
type column struct {
	name        string
	kind        model.Type
	required    bool
	personal    bool
	description string
}

// A table is one that the sink keeps: those of the model, and the memory of deletes.
type table struct {
	id          int // index in tables
	name        string
	description string
	columns     []column
	keys        []int
	day         string // column by whose day it is partitioned
	personal    bool   // about nothing but personal data
	model       *model.Table
}

// deletesName is the table that remembers deletes. Change data capture remembers them, too, for two
// days: this one lasts, and load jobs see it.
const deletesName = "flexbeam_deletes"

// tables lists the tables: by model.TableID, then the deletes.
var tables = func() []*table {
	var all []*table
	for i, t := range model.Tables {
		kept := &table{id: i, name: t.Name, description: t.Description, keys: t.Keys(), day: t.Day(), model: t}
		for _, p := range model.PersonalTables {
			kept.personal = kept.personal || p == t
		}
		for _, c := range t.Columns {
			kept.columns = append(kept.columns, column{c.Name, c.Type, c.Required, t.Personal(c.Name), c.Description})
		}
		all = append(all, kept)
	}
	return append(all, &table{
		id: len(all), name: deletesName, keys: []int{0, 1}, personal: true,
		description: "Deletes that are remembered, so that an older row which comes again revives nothing. Not for reports.",
		columns: []column{
			{"table_name", model.String, true, false, "Table of the row."},
			{"key", model.String, true, false, "Primary key of the row, a JSON array."},
			{"row_version", model.Int, true, false, "Version of the delete."},
			{"row_time", model.Timestamp, false, false, "Time of the row by which its table is partitioned; of a table without partitions when the row was deleted."},
		},
	})
}()

var (
	deletesTable     = tables[len(tables)-1]
	deadLettersTable = tables[model.DeadLettersID]
)

func (t *table) keyNames() []string {
	var s []string
	for _, k := range t.keys {
		s = append(s, t.columns[k].name)
	}
	return s
}

// rowTime returns the time that a delete of a row is remembered under; null if nobody knows it.
func (t *table) rowTime(r model.Row, now time.Time) model.Value {
	if t.day == "" {
		return model.Millis(now.UnixMilli())
	}
	return t.model.Get(r, t.day)
}

// textKeys returns the columns of the primary key that hold text.
func (t *table) textKeys() (columns []int) {
	for _, k := range t.keys {
		if t.columns[k].kind == model.String {
			columns = append(columns, k)
		}
	}
	return columns
}

// versionCells returns the columns of the primary key and that of the row's version.
func (t *table) versionCells() []int {
	return append(t.keys[:len(t.keys):len(t.keys)], len(t.columns)-1)
}

// appendKey appends the row's primary key as a JSON array: how keys are written in flexbeam_deletes
// and dead letters.
func (t *table) appendKey(b []byte, r model.Row) []byte {
	b = append(b, '[')
	for n, k := range t.keys {
		if n > 0 {
			b = append(b, ',')
		}
		b = r[k].AppendJSON(b)
	}
	return append(b, ']')
}

// appendJSON appends the row as a JSON object, without nulls.
func (t *table) appendJSON(b []byte, r model.Row) []byte {
	b = append(b, '{')
	for i, v := range r {
		if v.IsNull() {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, t.columns[i].name...)
		b = append(b, `":`...)
		b = v.AppendJSON(b)
	}
	return append(b, '}')
}
