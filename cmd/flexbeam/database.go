package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver

	"flexbeam/internal/snapshot"
	"flexbeam/internal/tempdir"
)

// A session is one connection to a DuckDB file that is open for reading only.
type session struct {
	file   string
	copied *copied // nil: it is the file itself
	db     *sql.DB
	conn   *sql.Conn
}

// A copied describes the copy that a session reads instead of a file that another process has locked.
type copied struct {
	at  time.Time // all that was stored before is in it
	pid string    // of the process that writes the file, "" if DuckDB does not tell
}

// errLocked is why a file does not open: another process has it open and may write.
type errLocked struct{ pid string }

func (e errLocked) by() string {
	if e.pid == "" {
		return "another process"
	}
	return "another process (PID " + e.pid + ")"
}

func (e errLocked) Error() string { return "it is being written by " + e.by() }

// openReadOnly opens a DuckDB file for reading, or a copy of it while another process has it locked.
func openReadOnly(ctx context.Context, file string) (*session, error) {
	if err := checkDuckDB(file); err != nil {
		return nil, fmt.Errorf("--db: %w", err)
	}
	path, err := filepath.Abs(file)
	if err == nil {
		path, err = filepath.EvalSymlinks(path) // the log is beside the file itself
	}
	if err != nil {
		return nil, fmt.Errorf("--db: find %s: %w", file, err)
	}
	s, err := attach(ctx, file, path)
	if locked := (errLocked{}); errors.As(err, &locked) {
		return openCopy(ctx, file, path, locked)
	}
	return s, err
}

// openCopy opens a copy of a file that is locked. The copy is removed from its folder at once and
// stays readable for the session, so nothing is left behind, however the session ends.
func openCopy(ctx context.Context, file, path string, locked errLocked) (*session, error) {
	dir, err := tempdir.Make("flexbeam-query-")
	if err != nil {
		return nil, fmt.Errorf("%s is being written by %s, and there is no place for a copy: %w", file, locked.by(), err)
	}
	defer os.RemoveAll(dir)
	c, err := snapshot.Take(ctx, path, filepath.Join(dir, "copy.duckdb"))
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return nil, fmt.Errorf("%s is being written by %s, and %s has no room for a copy: set TMPDIR to a directory that has", file, locked.by(), filepath.Dir(dir))
	case errors.Is(err, snapshot.ErrBusy):
		return nil, fmt.Errorf("%s is being written by %s, faster than it can be copied to %s: ask again, or set TMPDIR to a place on a faster disk (%w)", file, locked.by(), filepath.Dir(dir), err)
	case err != nil:
		return nil, fmt.Errorf("%s is being written by %s, and cannot be copied: %w", file, locked.by(), err)
	}
	s, err := attach(ctx, file, c.File)
	if err != nil {
		return nil, fmt.Errorf("%s is being written by %s, and its copy does not open: ask again: %w", file, locked.by(), err)
	}
	s.copied = &copied{at: c.From, pid: locked.pid}
	return s, nil
}

// attach opens a DuckDB file at a path for reading. The session can reach no other file, and no
// statement can change that: DuckDB refuses to turn this off while it runs.
func attach(ctx context.Context, file, path string) (*session, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	s := &session{file: file, db: db}
	if s.conn, err = db.Conn(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	for _, q := range []string{
		"ATTACH '" + strings.ReplaceAll(path, "'", "''") + "' AS db (TYPE duckdb, READ_ONLY)",
		"USE db",
		"SET TimeZone = 'UTC'",
		"SET enable_external_access = false",
	} {
		if _, err := s.conn.ExecContext(ctx, q); err != nil {
			s.Close()
			return nil, s.explain(err)
		}
	}
	return s, nil
}

// Close releases the file.
func (s *session) Close() {
	if s.conn != nil {
		_ = s.conn.Close() // nothing was written
	}
	_ = s.db.Close()
}

// checkDuckDB looks for mistakes of which DuckDB's own error would say less clearly what to do.
func checkDuckDB(file string) error {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no file %s: make it with flexbeam run --sink duckdb:%s", file, file)
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", file, cause(err))
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return fmt.Errorf("%s is a directory: name a DuckDB file in it", file)
	}
	var head [12]byte // checksum, then the magic bytes
	if _, err := io.ReadFull(f, head[:]); err != nil || !bytes.Equal(head[8:], []byte("DUCK")) {
		return fmt.Errorf("%s is no DuckDB file", file)
	}
	return nil
}

// ask runs a statement and prints its rows.
func (s *session) ask(ctx context.Context, query string, out *printer) error {
	rows, err := s.conn.QueryContext(ctx, query)
	if err != nil {
		return s.explain(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return s.explain(err)
	}
	columns := make([]column, len(types))
	for i, t := range types {
		columns[i] = column{name: t.Name(), kind: t.DatabaseTypeName()}
	}
	if !hasAnswer(query, columns) {
		for rows.Next() {
		}
		return s.explain(rows.Err())
	}
	cells, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	result, err := out.begin(columns)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return s.explain(err)
		}
		if err := result.row(cells); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.explain(err)
	}
	return result.end()
}

// hasAnswer tells whether a statement has rows to print. SET has none, and CREATE TEMP TABLE answers
// only with the number of rows that it made.
func hasAnswer(query string, columns []column) bool {
	if len(columns) != 1 {
		return len(columns) > 0
	}
	switch columns[0] {
	case column{"Success", "BOOLEAN"}:
		return false
	case column{"Count", "BIGINT"}:
		word := strings.ToUpper(strings.Fields(query)[0])
		return word != "CREATE" && word != "INSERT" && word != "UPDATE" && word != "DELETE"
	}
	return true
}

var (
	sqlPlace  = regexp.MustCompile(`(?s)\n\s*LINE \d+:.*`)
	sqlNoise  = regexp.MustCompile(`^(?:could not connect to database|database/sql/driver)[^\n]*\n?(?:duckdb error: )?`)
	lockedBy  = regexp.MustCompile(`Conflicting lock is held in (.*?)\.`)
	readOnly  = regexp.MustCompile(`read-only mode|launched in read-only`)
	noAccess  = regexp.MustCompile(`disabled by configuration|disabled through configuration|while database is running`)
	processID = regexp.MustCompile(`PID (\d+)`)
)

// explain turns an error of DuckDB into one that says what to do.
func (s *session) explain(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "Could not set lock"):
		locked := errLocked{}
		if m := processID.FindStringSubmatch(lockedBy.FindString(text) + text); m != nil {
			locked.pid = m[1]
		}
		return locked
	case readOnly.MatchString(text):
		return fmt.Errorf("the statement writes, and flexbeam query only reads: to change %s use another DuckDB program", s.file)
	case noAccess.MatchString(text):
		return fmt.Errorf("the statement reaches beyond %s, and flexbeam query reads that file only: to save an answer use --format csv and redirect it", s.file)
	}
	return errors.New(sqlPlace.ReplaceAllString(sqlNoise.ReplaceAllString(text, ""), ""))
}
