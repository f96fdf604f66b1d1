package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A live job into DuckDB leaves the rows of a job that knows the whole day, whatever is backfilled and
// replayed, by the commands of docs/operations.md, before its first process and between its processes:
// what it has read and what it reads later, whole days and parts that cut tasks in two.
func TestBackfillsBetweenTheProcessesOfALiveJobLoseNoRows(t *testing.T) {
	t.Parallel()
	commands := procedures(t, "Backfill and replay")
	if len(commands) != 2 {
		t.Fatalf("wanted the commands of a backfill and of a replay: %q", commands)
	}
	d := newLiveDay(t, 150, 47)
	if err := os.Mkdir(filepath.Join(d.dir, "archive"), 0o755); err != nil {
		t.Fatal(err)
	}
	tenths := func(n int) int { return len(d.records) * n / 10 }
	archive := func(from, to int) {
		var lines bytes.Buffer
		for _, r := range d.records[tenths(from):tenths(to)] {
			lines.Write(r.Text)
			lines.WriteByte('\n')
		}
		write(t, filepath.Join(d.dir, "archive", "day.ndjson"), lines.String())
	}
	backfill := func(from, to int) (says string) {
		archive(from, to)
		return shell(t, d.dir, commands[0])
	}
	replay := func(to int) { // up to now
		archive(0, to)
		asOf := "--as-of " + d.clock.Now().UTC().Format(time.RFC3339)
		command := strings.Replace(commands[1], "--as-of 2026-03-03T00:00:00Z", asOf, 1)
		if !strings.Contains(command, asOf) {
			t.Fatalf("the command of a replay is another one: %s", command)
		}
		shell(t, d.dir, command)
	}
	live := func(to int, killed bool) {
		if killed {
			d.killed(t, tenths(to))
			return
		}
		d.send(tenths(to))
		d.drained(t)
	}

	backfill(2, 5) // nothing has been read of it yet
	live(2, false)
	backfill(0, 2)
	live(4, true)
	if says := backfill(1, 3); !strings.Contains(says, "left alone") {
		t.Errorf("a backfill of a part leaves nothing alone: %s", says)
	}
	live(6, false)
	replay(6)
	live(7, true)
	backfill(4, 10)
	live(9, false)
	backfill(3, 7)
	live(10, false)
	backfill(5, 8)
	d.finish(t, "dead_letters") // those of files are rows of their own
	backfill(0, 10)
	backfill(2, 9)
	d.finish(t, "dead_letters")
}
