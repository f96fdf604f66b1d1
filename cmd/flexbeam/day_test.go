package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	top          = "../.." // of the project
	sampleDay    = "testdata/day.ndjson.gz"
	goldenTables = "testdata/golden"
)

// The sample day gives the golden tables on every runner, in batch and in stream, with the
// watermark at the end and with one that lets rows appear, change and go while the file is read.
func TestSampleDayGivesTheGoldenTablesHoweverItRuns(t *testing.T) {
	t.Chdir(top) // so that the places of dead letters are the same on every machine
	asOf := []string{"--as-of", "2026-03-03T00:00:00Z"}
	for _, how := range []struct {
		name, query string
		args        []string
	}{
		{"direct batch", "", []string{"--runner", "direct"}},
		{"prism batch", "", []string{"--runner", "prism", "--mode", "batch"}},
		{"prism stream", "", []string{"--mode", "stream"}},
		{"prism stream with a watermark", "?lateness=10m", []string{"--mode", "stream"}},
	} {
		t.Run(how.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			mustRun(t, append(append([]string{"run", "--source", "file:" + sampleDay + how.query, "--sink", "jsonl:" + out}, asOf...), how.args...)...)
			got := tables(t, out)
			if *update {
				for name, text := range got {
					if err := os.MkdirAll(goldenTables, 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(goldenTables, name+".jsonl"), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			if d := cmp.Diff(tables(t, goldenTables), got); d != "" {
				t.Errorf("tables differ (-golden +got):\n%.3000s", d)
			}
		})
	}
}
