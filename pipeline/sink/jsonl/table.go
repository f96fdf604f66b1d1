package jsonl

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A table holds the newest change of each key.
type table struct {
	*model.Table
	known   []int            // columns by which rows of owners are found; none without owners
	entries map[string]entry // by sortKey
	order   []string         // keys of entries in order, and of some that were forgotten
	added   []string         // further ones, in no order
	rows    int              // entries that are not gone
	stale   bool             // its file is behind
}

// An entry is a row as its line, or a delete as its line of deletes.jsonl.
type entry struct {
	line    string
	known   []model.Value // of a row that has an owner: its cells of table.known
	version int64
	gone    bool
	forgets bool // a delete that nothing is to remember
}

func newTable(t *model.Table) *table {
	of := &table{Table: t, entries: map[string]entry{}}
	if t.Owner.Kind == "" {
		return of
	}
	of.known = t.FoundColumns()
	if at := t.TimeColumn(); !slices.Contains(of.known, at) {
		of.known = append(of.known, at)
	}
	return of
}

// check makes the texts of a change valid UTF-8, as JSON needs it, and returns its sort key.
func (t *table) check(c change.Change) (string, error) {
	for i := range c.Row {
		v, want := &c.Row[i], &t.Columns[i]
		if v.Type == model.String {
			v.Str = model.ValidText(v.Str)
		}
		if v.Type != want.Type && (v.Type != model.Null || want.Required && (want.Key || !c.Delete)) {
			return "", fmt.Errorf("jsonl: write: column %s of %s: got a value of type %d, wanted %d", want.Name, t.Name, v.Type, want.Type)
		}
	}
	return t.sortKey(c.Row), nil
}

// settle keeps the entry unless what is there has a greater version, and tells whether it did.
func (t *table) settle(key string, e entry) bool {
	old, ok := t.entries[key]
	if ok && old.version > e.version {
		return false
	}
	if ok && !old.gone {
		t.rows--
	}
	if !e.gone {
		t.rows++
	}
	t.stale = t.stale || !e.gone || ok && !old.gone
	if !ok {
		t.added = append(t.added, key)
	}
	t.entries[key] = e
	if e.forgets {
		delete(t.entries, key)
	}
	return true
}

// inOrder returns the keys in order. Some that are not there any more may be among them.
func (t *table) inOrder() []string {
	if len(t.added) == 0 {
		return t.order
	}
	slices.Sort(t.added)
	all := make([]string, 0, len(t.order)+len(t.added))
	for _, key := range t.added {
		i, there := slices.BinarySearch(t.order, key)
		all, t.order = append(all, t.order[:i]...), t.order[i:]
		if !there && (len(all) == 0 || all[len(all)-1] != key) {
			all = append(all, key)
		}
	}
	t.order, t.added = append(all, t.order...), nil
	return t.order
}

// replace takes other entries.
func (t *table) replace(entries map[string]entry) {
	t.entries, t.order, t.added = entries, nil, slices.Collect(maps.Keys(entries))
}

func (t *table) encode(c change.Change) entry {
	e := entry{version: c.Version(), gone: c.Delete, forgets: c.Delete && c.Forget}
	if c.Delete {
		e.line = string(appendDelete(nil, t.Table, c.Row))
	} else {
		e.line = string(appendRow(nil, t.Table, c.Row))
	}
	if !c.Delete && t.Owned(c.Row) {
		for _, i := range t.known {
			v := c.Row[i]
			v.Str = strings.Clone(v.Str) // of a whole block
			e.known = append(e.known, v)
		}
	}
	return e
}

// sortKey encodes a row's primary key so that the order of the encodings is that of the rows.
func (t *table) sortKey(r model.Row) string {
	var b []byte
	for _, i := range t.Keys() {
		v := &r[i]
		if v.Type == model.String || v.Type == model.Bytes {
			// A zero byte ends a text; one inside it is followed by 0xff.
			b = append(b, strings.ReplaceAll(v.Str, "\x00", "\x00\xff")...)
			b = append(b, 0, 0)
			continue
		}
		b = binary.BigEndian.AppendUint64(b, uint64(v.Num)^1<<63)
	}
	return string(b)
}

func appendRow(b []byte, t *model.Table, r model.Row) []byte {
	b = append(b, '{')
	for i := range t.Columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendField(b, t, i, r)
	}
	return append(b, "}\n"...)
}

// appendDelete writes {"table":…,"key":{…},"row_version":…}.
func appendDelete(b []byte, t *model.Table, r model.Row) []byte {
	b = append(b, `{"table":`...)
	b = model.Text(t.Name).AppendJSON(b)
	b = append(b, `,"key":{`...)
	for n, i := range t.Keys() {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendField(b, t, i, r)
	}
	b = append(b, "},"...)
	b = appendField(b, t, len(t.Columns)-1, r)
	return append(b, "}\n"...)
}

func appendField(b []byte, t *model.Table, i int, r model.Row) []byte {
	b = append(b, '"')
	b = append(b, t.Columns[i].Name...)
	b = append(b, `":`...)
	return r[i].AppendJSON(b)
}
