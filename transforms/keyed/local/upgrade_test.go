package local_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/transforms/keyed"
)

// TestAStreamGoesOnFromALogOfVersion2 has lines arrive behind those that made the log: for a task
// that was dropped, one on disk, one that is open and one that ended a moment ago, and for a
// worker.
func TestAStreamGoesOnFromALogOfVersion2(t *testing.T) {
	read := func(name string) [][]byte {
		b, err := os.ReadFile(filepath.Join("testdata", "version2", name))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	}
	lines, arrivals := read("lines.ndjson"), []int64(nil)
	for _, at := range read("arrivals.txt") {
		n, err := strconv.ParseInt(string(at), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		arrivals = append(arrivals, n)
	}
	before := len(lines)
	next := history.Parse(`
		22 task.updated EV90 WT1 ta={"from":"+15550009"}
		62 task.updated EV91 WT2 ta={"conversations":{"outcome":"kept"}}
		95 completed EV92 WT3 WR3
		96 task.completed EV93 WT3
		101 task.updated EV94 WT4 ta={"customers":{"email":"ann@example.com"}}
		-10 activity EV95 WK1 was=Break now=Available for=5`)
	for i, e := range next {
		lines = append(lines, e.Record(history.Object))
		arrivals = append(arrivals, arrivals[before-1]+int64(10*keyed.Hour)+int64(i)*1000)
	}
	finally := arrivals[len(arrivals)-1] + int64(keyed.Hour)

	late := []int{before, len(lines) - 1} // for the task that was dropped, and for the worker
	kept := slices.DeleteFunc(slices.Clone(lines), func(l []byte) bool {
		return slices.ContainsFunc(late, func(i int) bool { return bytes.Equal(l, lines[i]) })
	})
	want := history.Fold(kept, history.Options{AsOf: finally})
	for _, name := range []string{"log", "rewritten"} {
		dir := t.TempDir()
		log, err := os.ReadFile(filepath.Join("testdata", "version2", name, "state"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "state"), log, 0o600); err != nil {
			t.Fatal(err)
		}
		began := -1
		got, _ := history.Live(lines, history.LiveOptions{
			Dir: dir, Dice: history.Heads, Finally: finally, Position: func(line int) { began = line },
			Arrival: func(i int) int64 { return arrivals[i] },
		})
		if began != before {
			t.Errorf("%s: the stream goes on at line %d, want %d", name, began, before)
		}
		var letters []string
		for _, l := range got.Show("dead_letters", "position error_class") {
			letters = append(letters, strings.TrimPrefix(l, "lines:"))
		}
		slices.Sort(letters)
		if d := cmp.Diff([]string{strconv.Itoa(before+1) + " | late", strconv.Itoa(len(lines)) + " | late"}, letters); d != "" {
			t.Errorf("%s: dead letters (-want +got):\n%s", name, d)
		}
		// The rows of what was dropped are those of the process before, in a sink that is not this one.
		for _, table := range []string{"engagements", "customers", "agents"} {
			rows := without(want.JSON(table), `"WT1"`)
			if d := cmp.Diff(rows, without(got.JSON(table), `"WT1"`)); d != "" || len(rows) == 0 {
				t.Errorf("%s: %d rows of %s (-want +got):\n%s", name, len(rows), table, d)
			}
		}
	}
}

// without returns the lines that do not hold a text.
func without(b []byte, text string) (lines []string) {
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}
