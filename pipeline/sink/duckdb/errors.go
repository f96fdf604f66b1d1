package duckdb

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// errClosed answers calls after Close.
var errClosed = errors.New("duckdb: sink is closed")

// explain adds the file to an error of storing, and what to do about those that users meet.
func (s *store) explain(err error) error {
	if err == nil {
		return nil
	}
	hint, said := "", err.Error()
	if f := (failure{}); errors.As(err, &f) {
		said = f.message
	}
	switch {
	case strings.Contains(said, "No space left"):
		hint = "the disk is full: make room and run again: "
	case strings.Contains(said, "Out of Memory"):
		hint = "DuckDB needs more memory: write duckdb:FILE?memory_limit=2GB: "
	}
	if hint != "" { // the statement means nothing to a user
		err = errors.New(said)
	}
	return fmt.Errorf("duckdb: store changes in %s: %s%w", s.config.file, hint, err)
}

// An openError says why a file does not open, in plain words where it is one of the errors that users
// meet.
type openError struct {
	file string
	kind error  // one of those below; nil: another
	hint string // what is wrong, and what to do
	err  error
}

// Why a file does not open.
var (
	errLocked  = errors.New("another process has it open")
	errNoRight = errors.New("no permission to write there")
)

// Error implements error.
func (e *openError) Error() string {
	if e.hint == "" {
		return fmt.Sprintf("duckdb: open %s: %v", e.file, e.err)
	}
	return fmt.Sprintf("duckdb: open %s: %s", e.file, e.hint)
}

// Unwrap returns the kind and the cause.
func (e *openError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.err}
	}
	return []error{e.kind, e.err}
}

// processID finds the process that has a file locked in what DuckDB says of it.
var processID = regexp.MustCompile(`PID (\d+)`)

// explainOpen says what to do about the errors of opening that users meet. The statement that failed
// means nothing to them.
func explainOpen(file string, err error) error {
	e := &openError{file: file, err: err}
	if f := (failure{}); errors.As(err, &f) {
		e.err = errors.New(f.message)
	}
	switch m := e.err.Error(); {
	case strings.Contains(m, "Could not set lock"):
		e.kind, e.hint = errLocked, "another process has it open: end that one, or write into another file"
		if pid := holder(e.err); pid != "" {
			e.hint += " (it is process " + pid + ")"
		}
	case strings.Contains(m, "not a valid DuckDB database file"):
		e.kind, e.hint = errForeign, "it is no DuckDB file: name a file that DuckDB made or a new one"
	case strings.Contains(m, "newer version of DuckDB"), strings.Contains(m, "older version of DuckDB"), strings.Contains(m, "storage version"):
		e.kind, e.hint = errForeign, "it was written by another version of DuckDB: name another file, or export its tables with that version"
	case strings.Contains(m, "Permission denied"), strings.Contains(m, "Read-only file system"):
		e.kind, e.hint = errNoRight, "no permission to write there: change it or write into another place"
	case strings.Contains(m, "memory_limit"), strings.Contains(m, "Memory"):
		e.hint = "write the option memory_limit like 1GB (" + m + ")"
	}
	return e
}

// holder returns the number of the process that has a file locked; empty if DuckDB does not tell.
func holder(err error) string {
	if m := processID.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return ""
}
