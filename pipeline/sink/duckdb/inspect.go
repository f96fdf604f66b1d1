package duckdb

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"flexbeam/internal/finding"
	"flexbeam/internal/tempdir"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

func init() { sink.RegisterInspector("duckdb", inspect) }

// inspect looks at the file that a URI names. It opens the file for reading, if no other process has it
// locked.
func inspect(_ context.Context, rest string) (in sink.Inspection) {
	p, err := parseConfig(rest)
	if err != nil {
		in.Findings = append(in.Findings, finding.New("config-sink", "duckdb:"+rest, err.Error(), "write such as duckdb:calls.duckdb?memory_limit=2GB"))
		return in
	}
	in.Folders = []string{filepath.Dir(p.file)}
	if err = checkFile(p.file); err == nil {
		err = writable(p.file)
	}
	if fi, e := os.Stat(p.file); err == nil && e == nil && fi.Size() > 0 { // else a job makes it
		err = lookAt(p, &in)
	}
	if e := (*openError)(nil); errors.As(err, &e) && e.kind == errLocked {
		in.Holder = cmp.Or(holder(e.err), "?")
	} else if err != nil {
		in.Findings = append(in.Findings, findingOf(p.file, err))
	}
	return in
}

// writable returns an error if neither a file nor, beside it, its log can be written.
func writable(file string) error {
	err := tempdir.Writable(filepath.Dir(file))
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(file, os.O_WRONLY, 0); err == nil {
			err = f.Close()
		} else if errors.Is(err, fs.ErrNotExist) { // a job makes it
			return nil
		}
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	if err != nil {
		return &openError{file: file, kind: errNoRight, err: err}
	}
	return nil
}

// errTables says that the tables of a file are not those of this version.
var errTables = errors.New("its tables are of another version or another program")

// lookAt reads what a file says of itself.
func lookAt(p config, in *sink.Inspection) error {
	c, err := openConn(map[string]string{"threads": "1", "memory_limit": p.memory})
	if err != nil {
		return explainOpen(p.file, err)
	}
	defer c.end()
	s := &store{conn: c, config: p, failed: make(chan struct{})}
	for _, statement := range []string{"ATTACH '" + strings.ReplaceAll(p.file, "'", "''") + "' AS " + catalog + " (READ_ONLY)", session} {
		if _, err := s.exec(statement); err != nil {
			return explainOpen(p.file, err)
		}
	}
	tables, err := s.tables()
	if err != nil {
		return explainOpen(p.file, err)
	}
	for _, t := range model.Tables {
		if have := tables[t.Name]; have != nil {
			if err := have.check(t); err != nil {
				return &openError{file: p.file, kind: errTables, err: err}
			}
		}
	}
	own, err := s.strings("SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'flexbeam' AND table_name IN ('identity', 'shape')")
	if err != nil || len(own) < 2 {
		return err // it was made by another program, or by a version that kept neither
	}
	if in.ID, err = s.id(); err == nil {
		in.Shape, err = s.shape()
	}
	return err
}

// findingOf returns what an error of opening means.
func findingOf(file string, err error) finding.Finding {
	said := err.Error()
	if e := (*openError)(nil); errors.As(err, &e) {
		said = e.err.Error()
	}
	said = strings.TrimPrefix(said, "duckdb: open "+file+": ")
	switch {
	case errors.Is(err, errForeign):
		return finding.New("duckdb-foreign", file, said, "name a file that this version of DuckDB made, or a new one: --sink duckdb:FILE")
	case errors.Is(err, errNoRight), errors.Is(err, fs.ErrPermission):
		return finding.New("duckdb-writable", file, said, "allow the user of the job to write there: chown USER "+filepath.Dir(file)+", or name another place")
	case errors.Is(err, errTables):
		return finding.New("duckdb-tables", file, said, "write into a new file, and read the sources again")
	}
	return finding.New("duckdb-place", file, said, "name a file in a directory that is there: --sink duckdb:FILE")
}
