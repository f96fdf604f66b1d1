package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/model"
)

// done is the summary as a log line.
type done struct {
	Msg         string
	Runner      string
	Records     int64
	Events      int64
	Duplicates  int64
	Dropped     int64
	DeadLetters int64 `json:"dead_letters"`
	Rows        map[string]int64
	Elapsed     float64 `json:"elapsed_seconds"`
	Queries     int64   `json:"sink_queries"`
	Billed      int64   `json:"sink_billed_bytes"`
}

func TestUserRunsAJobAndAsksItsTables(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir, "", "simulate", "--events=4000", "--form=mixed", "--disorder=5m", "--duplicates=0.05", "--dirty=0.01", "--out=day.ndjson.zst")
	if r.code != 0 || r.out != "" {
		t.Fatalf("exit %d: %s", r.code, r.errors)
	}
	var first *done
	for _, run := range []struct {
		runner string
		how    []string
	}{
		{"prism", []string{"--sink=duckdb:prism.duckdb", "--runner=prism"}},
		{"direct", []string{"--sink=duckdb:direct.duckdb", "--runner=direct"}},
		{"prism", []string{"--sink=duckdb:stream.duckdb", "--mode=stream"}},
		{"direct", []string{"--sink=jsonl:batch"}},
		{"prism", []string{"--sink=jsonl:stream", "--mode=stream", "--runner=auto"}},
	} {
		how := run.how
		t.Run(strings.Join(how, " "), func(t *testing.T) {
			r := start(t, dir, "", append([]string{"run", "--source=file:day.ndjson.zst", "--log-format=json", "--as-of=2026-03-10"}, how...)...)
			if r.code != 0 || r.out != "" {
				t.Fatalf("exit %d: %s%s", r.code, r.errors, r.out)
			}
			var d done
			if err := json.Unmarshal([]byte(r.errors), &d); err != nil {
				t.Fatalf("%v in: %s", err, r.errors)
			}
			if d.Msg != "job done" || d.Elapsed <= 0 || d.Events-d.Duplicates < 4000 || d.Events-d.Duplicates > 4000+40 || d.Records != d.Events+d.Dropped+d.DeadLetters || d.DeadLetters == 0 {
				t.Errorf("summary: %s", r.errors)
			}
			if d.Runner != run.runner {
				t.Errorf("runner %q, want %q", d.Runner, run.runner)
			}
			d.Elapsed, d.Runner = 0, ""
			if first == nil {
				first = &d
			}
			if diff := cmp.Diff(*first, d); diff != "" {
				t.Errorf("another summary than that of the first run:\n%s", diff)
			}
			scheme, place, _ := strings.Cut(strings.TrimPrefix(how[0], "--sink="), ":")
			for _, table := range model.Tables {
				if got := rowsOf(t, dir, scheme, place, table.Name); got != d.Rows[table.Name] {
					t.Errorf("%s has %d rows, the summary says %d", table.Name, got, d.Rows[table.Name])
				}
			}
		})
	}
}

func rowsOf(t *testing.T, dir, scheme, place, table string) int64 {
	t.Helper()
	if scheme == "jsonl" {
		b, err := os.ReadFile(filepath.Join(dir, place, table+".jsonl"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return int64(bytes.Count(b, []byte("\n")))
	}
	r := start(t, dir, "", "query", "--db", place, "--format=csv", "SELECT count(*) FROM "+table)
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(r.out, "count_star()\n")), 10, 64)
	if err != nil {
		t.Fatalf("%v: %s%s", err, r.out, r.errors)
	}
	return n
}

func TestSummaryIsForPeopleAndBeamIsSilent(t *testing.T) {
	dir := t.TempDir()
	if r := start(t, dir, "", "simulate", "--events=1000", "--out=day.ndjson"); r.code != 0 {
		t.Fatal(r.errors)
	}
	for how, runner := range map[string]string{"--runner=prism": "prism", "--runner=direct": "direct", "--mode=stream": "prism", "--mode=batch": "direct"} {
		r := start(t, dir, "", "run", "--source=file:day.ndjson", "--sink=duckdb:calls.duckdb", how)
		if want := " on the " + runner + " runner: "; !strings.Contains(r.errors, want) {
			t.Errorf("%s: %q is missing in:\n%s", how, want, r.errors)
		}
		if r.code != 0 || r.out != "" {
			t.Fatalf("exit %d: %s", r.code, r.errors)
		}
		lines := strings.Split(strings.TrimSuffix(r.errors, "\n"), "\n")
		known := []string{"done in ", "  records ", "  events ", "  duplicates ", "  dropped ", "  dead letters ", "rows in calls.duckdb"}
		for _, table := range model.Tables {
			known = append(known, "  "+table.Name+" ")
		}
		known = append(known, "next: flexbeam query --db calls.duckdb ")
		if len(lines) != len(known) {
			t.Errorf("%s: %d lines, want %d:\n%s", how, len(lines), len(known), r.errors)
			continue
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, known[i]) {
				t.Errorf("%s: line %d is %q, want %q…", how, i+1, line, known[i])
			}
		}
	}
	for runner, beams := range map[string][2]string{"prism": {"Job[", "level=DEBUG"}, "direct": {"Executing pipeline", "level=INFO"}} {
		args := []string{"run", "--source=file:day.ndjson", "--sink=duckdb:calls.duckdb", "--runner=" + runner}
		r := start(t, dir, "", append(args, "--log-level=debug")...)
		if !strings.Contains(r.errors, beams[0]) || !strings.Contains(r.errors, beams[1]) {
			t.Errorf("debug shows nothing of Beam:\n%.1000s", r.errors)
		}
		r = start(t, dir, "", append(args, "--log-level=info")...)
		if !strings.Contains(r.errors, `msg="job starts"`) || !strings.Contains(r.errors, "runner="+runner) || strings.Contains(r.errors, beams[0]) {
			t.Errorf("info shows:\n%.1000s", r.errors)
		}
	}
}

func TestContactKeyHashesContacts(t *testing.T) {
	dir := t.TempDir()
	if r := start(t, dir, "", "simulate", "--events=1000", "--out=day.ndjson"); r.code != 0 {
		t.Fatal(r.errors)
	}
	write(t, filepath.Join(dir, "key"), "a key that nobody guesses\n")
	if r := start(t, dir, "", "run", "--source=file:day.ndjson", "--sink=duckdb:calls.duckdb", "--contact-key-file=key"); r.code != 0 {
		t.Fatal(r.errors)
	}
	r := start(t, dir, "", "query", "--db=calls.duckdb", "--format=csv",
		"SELECT bool_and(contact_id SIMILAR TO '[0-9a-f]{64}') AS hashed, count(*) > 10 AS many FROM customers WHERE NOT isolated")
	if r.out != "hashed,many\ntrue,true\n" {
		t.Errorf("%s%s", r.out, r.errors)
	}
}

func TestInterruptEndsCleanly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if r := start(t, dir, "", "simulate", "--events=120000", "--out=day.ndjson"); r.code != 0 {
		t.Fatal(r.errors)
	}
	for _, how := range []string{"--runner=prism", "--runner=direct", "--mode=stream"} {
		t.Run(how, func(t *testing.T) {
			db := filepath.Join(dir, strings.Trim(how, "-")+".duckdb")
			var errs bytes.Buffer
			c := exec.Command(binary, "run", "--source=file:day.ndjson", "--sink=duckdb:"+db, how, "--flush-every=200ms")
			c.Dir, c.Stderr = dir, &errs
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			for range 500 {
				if _, err := os.Stat(db); err == nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(400 * time.Millisecond) // the job reads
			begin := time.Now()
			if err := c.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait() // its exit status is looked at below
			if passed := time.Since(begin); passed > 10*time.Second || c.ProcessState.ExitCode() != 1 {
				t.Errorf("exit %d after %v", c.ProcessState.ExitCode(), passed)
			}
			oneLine(t, errs.String(), "interrupted by SIGINT", "run the same command again")
			if r := start(t, dir, "", "query", "--db", db, "SELECT count(*) FROM engagements"); r.code != 0 {
				t.Errorf("the file is not readable: %s", r.errors)
			}
		})
	}
}

func TestInterruptedSimulationSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var errs bytes.Buffer
	c := exec.Command(binary, "simulate", "--events=100000000", "--out=/dev/null")
	c.Dir, c.Stderr = dir, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if c.ProcessState.ExitCode() != 1 {
		t.Errorf("exit %d", c.ProcessState.ExitCode())
	}
	oneLine(t, errs.String(), "interrupted by SIGTERM", "/dev/null")
}
