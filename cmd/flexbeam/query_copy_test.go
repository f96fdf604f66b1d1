package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/childtest"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// writerEnv names the file that a child process of the test writes to.
const writerEnv = "FLEXBEAM_TEST_WRITER"

// flushedPairs is how many pairs of rows a writer has flushed when it says so.
const flushedPairs = 10

// writeOn flushes pairs of rows through the sink, says so, and goes on until it is killed; but
// "rest:FILE" goes on with nothing.
func writeOn(file string) error {
	ctx := context.Background()
	file, rests := strings.CutPrefix(file, "rest:")
	s, err := sink.Open(ctx, "duckdb:"+file+"?writers=1", sink.Options{}) // one transaction a flush
	if err != nil {
		return err
	}
	t := &model.DeadLetters
	for n := 0; ; n++ {
		var b change.Block
		for i := range 2 {
			r := t.NewRow()
			for j, c := range t.Columns {
				switch {
				case c.Key:
					r[j] = model.Text(fmt.Sprint(n, " ", i))
				case c.Required && c.Type == model.String:
					r[j] = model.Text("x")
				case c.Required && c.Type == model.Timestamp:
					r[j] = model.Millis(int64(1700000000123))
				case c.Required && c.Type == model.Int:
					r[j] = model.Integer(1)
				}
			}
			r[t.Col("row_version")] = model.Integer(1)
			b = b.Append(change.Change{Table: t.ID, Row: r})
		}
		if err := s.Write(ctx, b); err != nil {
			return err
		}
		if err := s.Flush(ctx); err != nil {
			return err
		}
		if n == flushedPairs-1 {
			fmt.Println("flushed")
			if rests {
				select {}
			}
		}
	}
}

// startWriter starts a process that writes, in a folder without room for names, and returns the
// file and the PID.
func startWriter(t *testing.T, mode string) (file, pid string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "it's written.duckdb")
	c, line := childtest.Start(t, writerEnv+"="+mode+file)
	if line != "flushed\n" {
		t.Fatal(line)
	}
	return file, strconv.Itoa(c.Process.Pid)
}

const countPairs = "SELECT count(*) AS n FROM dead_letters"

func TestQueryReadsACopyWhileAJobWrites(t *testing.T) {
	file, pid := startWriter(t, "")
	link := filepath.Join(t.TempDir(), "link.duckdb")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	note := regexp.MustCompile(`being written by another process \(PID ` + pid + `\): the answers are from a copy of (\S+)\n$`)
	least := 2 * flushedPairs
	for i := range 20 {
		asked := time.Now().Truncate(time.Millisecond)
		r := call(t, "query", "--db", []string{file, link}[i%2], "--format=csv", countPairs+";"+countPairs)
		if r.code != 0 {
			t.Fatalf("exit %d: %s", r.code, r.errors)
		}
		var n, again int
		if _, err := fmt.Sscanf(r.out, "n\n%d\n\nn\n%d\n", &n, &again); err != nil || n < least || n%2 != 0 || again != n {
			t.Fatalf("%q, %v, want at least %d rows in pairs", r.out, err, least)
		}
		least = n
		oneLine(t, r.errors)
		m := note.FindStringSubmatch(r.errors)
		if m == nil {
			t.Fatal(r.errors)
		}
		if at, err := time.Parse(model.TimeLayout, m[1]); err != nil || at.Before(asked) || at.After(time.Now()) {
			t.Errorf("asked at %s, copied at %s, %v", asked, m[1], err)
		}
	}
	if least == 2*flushedPairs {
		t.Error("nothing was written meanwhile")
	}
	nothingLeft(t, temp)
	r := call(t, "query", "--db", file, "DELETE FROM dead_letters")
	if r.code != 1 || !strings.Contains(r.errors, "the statement writes") {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
	r = call(t, "query", "--db", file, "FROM '"+strings.ReplaceAll(file, "'", "''")+"'")
	if r.code != 1 || !strings.Contains(r.errors, "the statement reaches beyond") {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
}

func TestQuerySaysOfACopyWhatTheLogLevelAllows(t *testing.T) {
	file, pid := startWriter(t, "rest:")
	r := call(t, "query", "--db", file, "--log-level=error", "--format=csv", countPairs)
	if want := fmt.Sprintf("n\n%d\n", 2*flushedPairs); r.code != 0 || r.out != want || r.errors != "" {
		t.Errorf("exit %d, %q, %q", r.code, r.out, r.errors)
	}
	r = call(t, "query", "--db", file, "--log-format=json", "--format=csv", countPairs)
	var line map[string]any
	if err := json.Unmarshal([]byte(r.errors), &line); err != nil || r.code != 0 || line["pid"] != pid || line["file"] != file || line["copied_at"] == nil || line["level"] != "WARN" {
		t.Errorf("exit %d, %v: %s", r.code, err, r.errors)
	}
}

// TestAnInterruptedQueryLeavesNoCopy interrupts a query that waits for a checkpoint: the log of the
// writer ends in the mark of one.
func TestAnInterruptedQueryLeavesNoCopy(t *testing.T) {
	file, _ := startWriter(t, "rest:")
	flush := "\x05\x00\x00\x00\x00\x00\x00\x00\xe7\xfe\x7d\x72\x2f\xed\x3d\x5e\x64\x00\x64\xff\xff"
	log, err := os.OpenFile(file+".wal", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.WriteString("\x05\x00\x00\x00\x00\x00\x00\x00????????\x64\x00\x63\x65\x00" + flush); err != nil {
		t.Fatal(err)
	}
	log.Close()
	soon := time.Now().Add(time.Hour) // written just now, however slow this test is
	if err := os.Chtimes(file, soon, soon); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	var out, errs bytes.Buffer
	c := exec.Command(binary, "query", "--db", file, countPairs)
	c.Env, c.Stdout, c.Stderr = append(os.Environ(), "TMPDIR="+temp), &out, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for left, _ := os.ReadDir(temp); len(left) == 0; left, _ = os.ReadDir(temp) {
		time.Sleep(time.Millisecond)
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // its status is looked at
	if c.ProcessState.ExitCode() != 1 || out.Len() > 0 {
		t.Errorf("exit %d, %s", c.ProcessState.ExitCode(), out.String())
	}
	oneLine(t, errs.String(), "interrupted by SIGINT")
	nothingLeft(t, temp)
}

func TestQuerySaysWhereACopyHasNoPlace(t *testing.T) {
	file, _ := startWriter(t, "rest:")
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	r := call(t, "query", "--db", file, countPairs)
	if r.code != 1 || r.out != "" {
		t.Errorf("exit %d, %q", r.code, r.out)
	}
	oneLine(t, r.errors, "is being written by another process", "no temporary files can be made in", "set TMPDIR to a directory")
}

func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}
