package duckdb

import (
	"errors"
	"fmt"
	"strings"
)

// errClosed answers calls after Close.
var errClosed = errors.New("duckdb: sink is closed")

// explain adds the file to an error of storing, and what to do about those that users meet.
func (s *store) explain(err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	switch m := err.Error(); {
	case strings.Contains(m, "No space left"):
		hint = "the disk is full: make room and run again: "
	case strings.Contains(m, "Out of Memory"):
		hint = "DuckDB needs more memory: write duckdb:FILE?memory_limit=2GB: "
	}
	return fmt.Errorf("duckdb: store changes in %s: %s%w", s.config.file, hint, err)
}

// explainOpen says what to do about the errors of opening that users meet.
func explainOpen(file string, err error) error {
	m := err.Error()
	hint := ""
	switch {
	case strings.Contains(m, "Could not set lock"):
		hint = "another process has it open: end that one, or write into another file"
	case strings.Contains(m, "not a valid DuckDB database file"):
		hint = "it is no DuckDB file: name a file that DuckDB made or a new one"
	case strings.Contains(m, "Permission denied"), strings.Contains(m, "Read-only file system"):
		hint = "no permission to write there: change it or write into another place"
	case strings.Contains(m, "memory_limit"), strings.Contains(m, "Memory"):
		hint = "write the option memory_limit like 1GB"
	}
	if hint != "" {
		return fmt.Errorf("duckdb: open %s: %s (%w)", file, hint, err)
	}
	return fmt.Errorf("duckdb: open %s: %w", file, err)
}
