package main

import (
	"path/filepath"
	"testing"
)

// A file that is read again by another path gives the same dead letters, not further ones.
func TestTheSameFileByAnotherPathDoublesNoDeadLetters(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "day.ndjson"), "not JSON\n[1\n")
	for _, path := range []string{"day.ndjson", "./day.ndjson", file, filepath.Join("..", filepath.Base(dir), "day.ndjson")} {
		if r := start(t, dir, "", "run", "--source=file:"+path, "--sink=duckdb:calls.duckdb"); r.code != 0 {
			t.Fatalf("%s: exit %d: %s", path, r.code, r.errors)
		}
	}
	r := start(t, dir, "", "query", "--db=calls.duckdb", "--format=csv", "SELECT position FROM dead_letters ORDER BY 1")
	if want := "position\nday.ndjson:1\nday.ndjson:2\n"; r.out != want {
		t.Errorf("got %q, want %q; %s", r.out, want, r.errors)
	}
}
