package jsonl

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// load reads what the directory has. Deletes come first: of equal versions the row counts, since
// files of rows are written before that of the deletes.
func (w *writer) load() error {
	found, err := w.eachLine(deletesFile, w.loadDelete)
	if err != nil {
		return err
	}
	for _, t := range w.tables {
		t.stale = false
	}
	w.deletesStale = !found
	for _, t := range w.tables {
		found, err := w.eachLine(t.file(), t.loadRow)
		if err != nil {
			return err
		}
		t.stale = !found
	}
	return nil
}

// eachLine calls f for every line of a file and says in an error which it was.
func (w *writer) eachLine(name string, f func(line []byte) error) (found bool, err error) {
	path := filepath.Join(w.dir, name)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("jsonl: read: %w", err)
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<18)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := f(line); err != nil {
				return true, fmt.Errorf("jsonl: read %s:%d: %w: repair the line, or write into a new directory", path, n, err)
			}
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return true, fmt.Errorf("jsonl: read %s: %w", path, err)
		}
	}
}

func (t *table) loadRow(line []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return err
	}
	c := change.Change{Table: t.ID, Row: t.NewRow()}
	for i := range t.Columns {
		if err := t.take(c.Row, i, fields); err != nil {
			return err
		}
	}
	for name := range fields {
		return fmt.Errorf("column %s is not known in %s", name, t.Name)
	}
	t.settle(t.sortKey(c.Row), t.encode(c))
	return nil
}

func (w *writer) loadDelete(line []byte) error {
	var d struct {
		Table   string                     `json:"table"`
		Key     map[string]json.RawMessage `json:"key"`
		Version json.RawMessage            `json:"row_version"`
	}
	if err := json.Unmarshal(line, &d); err != nil {
		return err
	}
	m := model.Lookup(d.Table)
	if m == nil {
		return fmt.Errorf("table %q is not known", d.Table)
	}
	t := w.tables[m.ID]
	c := change.Change{Table: t.ID, Row: t.NewRow(), Delete: true}
	for _, i := range t.Keys() {
		if err := t.take(c.Row, i, d.Key); err != nil {
			return err
		}
	}
	version := len(t.Columns) - 1
	if err := t.take(c.Row, version, map[string]json.RawMessage{t.Columns[version].Name: d.Version}); err != nil {
		return err
	}
	t.settle(t.sortKey(c.Row), t.encode(c))
	return nil
}

// take moves one column from the fields of a line to the row.
func (t *table) take(r model.Row, i int, fields map[string]json.RawMessage) error {
	c := &t.Columns[i]
	raw, ok := fields[c.Name]
	if !ok && c.Later { // a row from before the column came
		r[i] = model.Value{Type: c.Type}
		return nil
	}
	if !ok || len(raw) == 0 {
		return fmt.Errorf("column %s of %s is missing", c.Name, t.Name)
	}
	delete(fields, c.Name)
	v, err := parse(c.Type, raw)
	if err == nil && v.IsNull() && c.Required {
		err = errors.New("must not be null")
	}
	if err != nil {
		return fmt.Errorf("column %s of %s: %w", c.Name, t.Name, err)
	}
	r[i] = v
	return nil
}

// parse reads a value as Value.AppendJSON writes it.
func parse(t model.Type, raw json.RawMessage) (model.Value, error) {
	if string(raw) == "null" {
		return model.Value{}, nil
	}
	switch t {
	case model.Float:
		f, err := strconv.ParseFloat(string(raw), 64)
		return model.Number(f), err
	case model.Int:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		return model.Integer(n), err
	case model.Bool:
		var b bool
		err := json.Unmarshal(raw, &b)
		return model.Boolean(b), err
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return model.Value{}, err
	}
	switch t {
	case model.Timestamp:
		ms, err := parseTime(s)
		return model.Millis(ms), err
	case model.Bytes:
		b, err := base64.StdEncoding.DecodeString(s)
		return model.Value{Type: model.Bytes, Str: string(b)}, err
	}
	return model.Value{Type: model.String, Str: s}, nil
}

// parseTime reads model.TimeLayout, with years of more or less than four digits as well: absurd
// times of events must not make files that cannot be read again.
func parseTime(s string) (int64, error) {
	i := strings.IndexByte(s[min(1, len(s)):], '-') + 1 // after a sign
	if i < 1 {
		return 0, fmt.Errorf("%q is no time", s)
	}
	year, err := strconv.Atoi(s[:i])
	if err != nil {
		return 0, fmt.Errorf("%q is no time", s)
	}
	t, err := time.Parse(model.TimeLayout, "2000"+s[i:]) // a leap year
	if err != nil {
		return 0, fmt.Errorf("%q is no time", s)
	}
	return time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).UnixMilli(), nil
}
