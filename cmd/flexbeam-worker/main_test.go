package main

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"flexbeam/pipeline/sink"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func static(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	return c
}

// built is the worker as a release has it, built once.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func worker(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "flexbeam-worker-"); built.err != nil {
			return
		}
		if out, err := exec.Command("make", "-C", filepath.Join("..", ".."), "release", "BIN="+built.dir).CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "flexbeam-worker")
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

func TestDuckDBIsRefusedWithTheReason(t *testing.T) {
	const uri = "duckdb:calls.duckdb"
	if err := sink.Check(uri); err != nil {
		t.Errorf("%s passes for no sink: %v", uri, err)
	}
	if _, err := sink.Open(context.Background(), uri, sink.Options{}); !errors.Is(err, errDuckDB) {
		t.Errorf("got %v", err)
	}
}

func TestWorkerIsStaticAndSmall(t *testing.T) {
	st, err := os.Stat(worker(t))
	if err != nil {
		t.Fatal(err)
	}
	const most = 90 << 20
	if st.Size() > most {
		t.Errorf("it has %d bytes", st.Size())
	}
	if runtime.GOOS != "linux" {
		return
	}
	f, err := elf.Open(worker(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a segment %v: it is not static", p.Type)
		}
	}
}

func TestWorkerStartedByHandSaysWhatItIs(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"--nothing"}, {"--id=1"}} {
		var out, errs bytes.Buffer
		c := exec.Command(worker(t), args...)
		c.Stdout, c.Stderr = &out, &errs
		_ = c.Run() // its exit status is looked at below
		if c.ProcessState.ExitCode() != 2 || out.Len() > 0 || errs.String() != byHand {
			t.Errorf("%v: exit %d, %q, %q", args, c.ProcessState.ExitCode(), out.String(), errs.String())
		}
	}
}
