package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
)

// A faulty sink fails or panics at its first write.
type faulty struct {
	*history.Store
	panics bool
}

func (f faulty) Write(context.Context, change.Block) error {
	if f.panics {
		panic("faulty: index out of range")
	}
	return errors.New("faulty: write agents: no space left on device")
}

func init() {
	sink.Register("faulty", func(_ context.Context, rest string, _ sink.Options) (sink.Sink, error) {
		return faulty{history.NewStore(), rest == "panics"}, nil
	})
}

func TestFailedJobNamesItsCauseInOneLine(t *testing.T) {
	day := filepath.Join(t.TempDir(), "day.ndjson")
	if r := call(t, "simulate", "--events=500", "--out="+day); r.code != 0 {
		t.Fatal(r.errors)
	}
	for _, how := range []string{"--runner=prism", "--runner=direct", "--mode=stream"} {
		t.Run(how, func(t *testing.T) {
			r := call(t, "run", "--source=file:"+day, "--sink=faulty:fails", how)
			if want := "flexbeam run: faulty: write agents: no space left on device\n"; r.errors != want || r.code != 1 {
				t.Errorf("exit %d: %s", r.code, r.errors)
			}
			r = call(t, "run", "--source=file:"+day, "--sink=faulty:panics", how)
			oneLine(t, r.errors, "faulty: index out of range", "report it where you got flexbeam from")
			if len(r.errors) > 200 || r.code != 1 {
				t.Errorf("exit %d: %s", r.code, r.errors)
			}
		})
	}
}

func TestRootCauseIsOneLine(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", "file: read x: no such file", "file: read x: no such file"},
		{"usage", "usage: --mode: unknown", "--mode: unknown"},
		{"prism", "prism: job job-002 failed:\nbundle inst002 stage-002 failed:process bundle failed for instruction inst002 using plan stage-002 : while executing Process for Plan[stage-002]:\n" +
			"1: DataSource[S[x@localhost:1], i0] Out:12\n2: ParDo[file.ReadFn] Out:[11]\n\tcaused by:\nDoFn[UID:6, PID:e14, Name: flexbeam/pipeline/sink.WriteFn] failed:\nduckdb: settle: disk full", "duckdb: settle: disk full"},
		{"prism without cause", "prism: job job-002 failed:\nno port", "no port"},
		{"several lines of our own", "duckdb: query failed:\n  LINE 1", "duckdb: query failed: LINE 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := rootCause(errors.New(tt.text)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A panic that Beam catches ends the job as other errors do, and the line says that it is no fault
// of the user.
func TestACaughtPanicSaysWhereToReportIt(t *testing.T) {
	for text, fault := range map[string]bool{
		"prism: job job-002 failed:\nbundle failed: panic: index out of range\ngoroutine 7 [running]:\nmain.f()\n\t/x.go:1": true,
		"the disk is full": false,
	} {
		var errs bytes.Buffer
		a := newApp(io.Discard, &errs)
		a.started = true
		if code := a.report(nil, errors.New(text)); code != exitFailed {
			t.Errorf("exit %d", code)
		}
		oneLine(t, errs.String())
		if strings.Contains(errs.String(), "report it") != fault || strings.Contains(errs.String(), "x.go") {
			t.Errorf("%s", errs.String())
		}
	}
}
