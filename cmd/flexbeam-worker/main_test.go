package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func static(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	return c
}

func TestWorkerLinksNoDuckDB(t *testing.T) {
	out, err := static("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	deps := strings.Fields(string(out))
	found := map[string]bool{}
	for _, d := range deps {
		found[d] = true
		if strings.Contains(d, "duckdb") || d == "runtime/cgo" {
			t.Errorf("the worker links %s", d)
		}
	}
	for _, want := range []string{"flexbeam/transforms/task", "flexbeam/transforms/worker", "flexbeam/transforms/decode", "flexbeam/pipeline/sink/jsonl", "flexbeam/pipeline/sink/bigquery"} {
		if !found[want] {
			t.Errorf("the worker lacks %s", want)
		}
	}
}

func TestWorkerStartedByHandSaysWhatItIs(t *testing.T) {
	worker := filepath.Join(t.TempDir(), "flexbeam-worker")
	if out, err := static("go", "build", "-ldflags=-s -w", "-o", worker, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, args := range [][]string{nil, {"--help"}, {"--nothing"}} {
		var out, errs bytes.Buffer
		c := exec.Command(worker, args...)
		c.Stdout, c.Stderr = &out, &errs
		_ = c.Run() // its exit status is looked at below
		if c.ProcessState.ExitCode() != 2 || out.Len() > 0 || errs.String() != byHand {
			t.Errorf("%v: exit %d, %q, %q", args, c.ProcessState.ExitCode(), out.String(), errs.String())
		}
	}
}
