package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A run that knows more of the tasks, over a sink that one which knew less has filled, leaves the
// tables of a run over an empty sink: what was inferred from half of the events is gone.
func TestARunOverAnOlderStoreLeavesTheTablesOfAFreshOne(t *testing.T) {
	dir := t.TempDir()
	all := filepath.Join(dir, "all.ndjson")
	mustRun(t, "simulate", "--seed", "11", "--tasks", "120", "--agents", "9", "--hours", "6", "--form", "mixed", "--out", all)
	text, err := os.ReadFile(all)
	if err != nil {
		t.Fatal(err)
	}
	var half []byte
	for i, line := range bytes.SplitAfter(text, []byte("\n")) {
		if i%2 == 1 {
			half = append(half, line...)
		}
	}
	some := filepath.Join(dir, "half.ndjson")
	if err := os.WriteFile(some, half, 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(dir, "fresh")
	asOf := []string{"--as-of", "2026-03-05T00:00:00Z"} // of quarter hours that are not over a job changes nothing that another wrote
	mustRun(t, append([]string{"run", "--source", "file:" + all, "--sink", "jsonl:" + fresh}, asOf...)...)
	want := tables(t, fresh)

	for _, how := range [][]string{{"--runner", "direct"}, {"--runner", "prism"}, {"--mode", "stream"}} {
		t.Run(how[1], func(t *testing.T) {
			older := filepath.Join(t.TempDir(), "older")
			mustRun(t, append([]string{"run", "--source", "file:" + some, "--sink", "jsonl:" + older}, slices.Concat(asOf, how)...)...)
			if cmp.Equal(want, tables(t, older)) {
				t.Fatal("half of the events give the tables of all: the input tests nothing")
			}
			mustRun(t, append([]string{"run", "--source", "file:" + all, "--sink", "jsonl:" + older}, slices.Concat(asOf, how)...)...)
			if d := cmp.Diff(want, tables(t, older)); d != "" {
				t.Errorf("tables differ from those of a fresh run (-fresh +older):\n%.2000s", d)
			}
		})
	}
}

// tables returns the files of a jsonl sink but for its memory of deletes.
func tables(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, table := range []string{"engagements", "agents", "agent_status", "customers", "dead_letters"} {
		b, err := os.ReadFile(filepath.Join(dir, table+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		m[table] = string(b)
	}
	return m
}

// mustRun runs the program and expects success.
func mustRun(t *testing.T, args ...string) {
	t.Helper()
	var out, messages bytes.Buffer
	if code := realMain(t.Context(), args, &out, &messages); code != 0 {
		t.Fatalf("flexbeam %q: exit %d: %s", args, code, messages.String())
	}
}
