package main

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The sink that the command prints is one that a job can write to, and SIGTERM ends the service as
// it should.
func TestAJobWritesToTheLocalBigQuery(t *testing.T) {
	dir := t.TempDir()
	var errs bytes.Buffer
	c := exec.Command(binary, "local", "bigquery", "--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--dataset=tried")
	c.Stderr = &errs
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	sink := ""
	for lines := bufio.NewScanner(out); sink == "" && lines.Scan(); {
		if s := strings.TrimSpace(lines.Text()); strings.Contains(s, "bigquery:local-project.tried?") {
			sink = strings.Trim(s, "'")
		}
	}
	if sink == "" {
		t.Fatalf("no sink was printed: %s", errs.String())
	}
	if r := start(t, dir, "", "simulate", "--tasks=20", "--out=day.ndjson"); r.code != 0 {
		t.Fatal(r.errors)
	}
	r := start(t, dir, "", "run", "--runner=direct", "--source=file:day.ndjson", "--sink="+sink)
	if r.code != 0 || !strings.Contains(r.errors, "engagements") {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil || errs.Len() > 0 {
		t.Errorf("the service ended with %v: %s", err, errs.String())
	}
}

func TestAnAddressInUseSaysWhatToDo(t *testing.T) {
	r := call(t, "local", "bigquery", "--rest-addr=127.0.0.1:99999")
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "--rest-addr")
	r = call(t, "local", "bigquery", "--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--dataset=a-b")
	if r.code != 2 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "--dataset", "a-b")
}

func TestHelpOfLocalBigQueryHasExamples(t *testing.T) {
	if r := call(t, "local", "bigquery", "--help"); r.code != 0 || !strings.Contains(r.out, "Examples:\n  flexbeam local bigquery") {
		t.Errorf("exit %d:\n%s", r.code, r.out)
	}
}
