package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// procedures returns the commands of a section of docs/operations.md, as they stand there.
func procedures(t *testing.T, section string) (commands []string) {
	t.Helper()
	b, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), "\n## "+section+"\n")
	if !found {
		t.Fatalf("docs/operations.md has no section %s", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	return commands
}

// sampleLines returns the lines of the sample day.
func sampleLines(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(top, sampleDay))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimRight(string(b), "\n"), "\n")
}

// held returns the rows of the tables in a DuckDB file, as text.
func held(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, table := range []string{"engagements", "agents", "agent_status", "customers"} {
		r := start(t, dir, "", "query", "--db", "calls.duckdb", "--format", "csv", "SELECT * FROM "+table+" ORDER BY ALL")
		if r.code != 0 {
			t.Fatal(r.errors)
		}
		all[table] = r.out
	}
	return all
}

// The procedures of docs/operations.md, run as written over the rows of a job that knows all of the day up to
// its end, as a live one does, change no row: neither with all events nor with a part of the day, which cuts
// tasks and the time of agents in two.
func TestBackfillAndReplayLoseNoRows(t *testing.T) {
	commands := procedures(t, "Backfill and replay")
	if len(commands) != 2 {
		t.Fatalf("wanted the commands of a backfill and of a replay: %q", commands)
	}
	lines := sampleLines(t)
	dir := t.TempDir()
	path := filepath.Dir(binary) + string(os.PathListSeparator) + os.Getenv("PATH")
	run := func(command string) {
		t.Helper()
		var errs bytes.Buffer
		c := exec.Command("sh", "-c", command)
		c.Dir, c.Stderr, c.Env = dir, &errs, append(os.Environ(), "PATH="+path)
		if err := c.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, errs.String())
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "archive"), 0o755); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "archive", "day.ndjson")
	write(t, archive, strings.Join(lines, ""))
	run("flexbeam run --as-of 2026-03-03T00:00:00Z --source 'file:archive/*.ndjson' --sink duckdb:calls.duckdb")
	want := held(t, dir)
	backfill, replay := commands[0], commands[1]
	for _, step := range []struct {
		name, command string
		lines         []string
	}{
		{"a backfill of everything", backfill, lines},
		{"a backfill of a part of the day", backfill, lines[len(lines)*3/10 : len(lines)*6/10]},
		{"a backfill of the first half", backfill, lines[:len(lines)/2]},
		{"a replay", replay, lines},
	} {
		write(t, archive, strings.Join(step.lines, ""))
		run(step.command)
		if d := cmp.Diff(want, held(t, dir)); d != "" {
			t.Errorf("%s changes rows (-before +after):\n%.3000s", step.name, d)
		}
	}
}
