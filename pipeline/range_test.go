package pipeline

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/twiliolocal"
)

// rangedRun runs a job for a time into a store.
func rangedRun(t *testing.T, source string, store *history.Store, from, to time.Time) Summary {
	t.Helper()
	j, err := New(Options{Source: source, Sink: memory(store), Turns: "none", From: from, To: to, AsOf: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := j.Run(t.Context())
	if err != nil {
		t.Fatalf("%s from %v to %v: %v", source, from, to, err)
	}
	return sum
}

// Jobs for parts of a day, one after the other, give the tables of one for all of it: each task and each
// quarter hour is chosen once. TaskRouter's log is asked for whole tasks, so a part knows what a file tells.
func TestPartsOfADayGiveTheTablesOfAll(t *testing.T) {
	d := logDay(t, twiliolocal.Options{})
	file := "file:" + filepath.Join(d.dir, "rest.ndjson")
	want, _ := tablesOf(t, Options{Source: file})
	log := fmt.Sprintf("taskrouter:%s?account=%s&endpoint=%s&window=1h&old=yes&snapshots=no", d.workspace, d.server.Account(), d.server.URL)
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, source := range []string{file, log} {
		store, events := history.NewStore(), int64(0)
		for hours := 0; hours < 28; hours += 4 {
			sum := rangedRun(t, source, store, day.Add(time.Duration(hours)*time.Hour), day.Add(time.Duration(hours+4)*time.Hour))
			if events += sum.Events; sum.Unbegun > 0 || sum.DeadLetters > 0 {
				t.Errorf("%s, %d h: %+v", source, hours, sum)
			}
		}
		if diff := history.Diff(want, store.Tables()); diff != "" {
			t.Errorf("%s (-all +parts):\n%s", source, diff)
		}
	}
	if calls := d.server.Calls("/Events"); calls < 150 {
		t.Errorf("the log was asked %d times: tasks are not read by their SIDs", calls)
	}
}

// Of a task whose begin is not in what was read, no row is written, and it is counted. A file is read from 15
// days before.
func TestTasksWhoseBeginWasNotReadAreCountedAndLeftOut(t *testing.T) {
	d := logDay(t, twiliolocal.Options{})
	day := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	file := "file:" + filepath.Join(d.dir, "object.ndjson")
	text, err := os.ReadFile(strings.TrimPrefix(file, "file:"))
	if err != nil {
		t.Fatal(err)
	}
	var created, rest []byte // half of the tasks have no begin
	for i, line := range bytes.SplitAfter(text, []byte("\n")) {
		if created = line; i%2 == 0 || !bytes.Contains(created, []byte(`taskrouter.task.created"`)) {
			rest = append(rest, line...)
		}
	}
	cut := filepath.Join(t.TempDir(), "cut.ndjson")
	if err := os.WriteFile(cut, rest, 0o600); err != nil {
		t.Fatal(err)
	}
	all, some := history.NewStore(), history.NewStore()
	whole, partly := rangedRun(t, file, all, day, day.Add(time.Hour)), rangedRun(t, "file:"+cut, some, day, day.Add(time.Hour))
	want, got := rowsOf(all.Tables()["engagements"]), rowsOf(some.Tables()["engagements"])
	if whole.Unbegun != 0 || partly.Unbegun == 0 || len(want)-len(got) > int(partly.Unbegun) || len(got) == 0 || len(got) == len(want) {
		t.Errorf("%d tasks are written, %d where begins are missing, and %d left out", len(want), len(got), partly.Unbegun)
	}
	for sid, rows := range got {
		if diff := cmp.Diff(want[sid], rows); diff != "" {
			t.Errorf("the task %s (-whole +cut):\n%s", sid, diff)
		}
	}
	// What happened more than 15 days before counts for nothing.
	sum := rangedRun(t, file, some, day.Add(16*24*time.Hour), day.Add(17*24*time.Hour))
	if sum.Events != 0 || sum.Dropped == 0 || sum.Unbegun != 0 {
		t.Errorf("a day behind the reach: %+v", sum)
	}
}

func TestRangesThatCannotBeReadAreRefused(t *testing.T) {
	d := logDay(t, twiliolocal.Options{})
	file := "file:" + filepath.Join(d.dir, "rest.ndjson")
	now := time.Now()
	for _, test := range []struct {
		options Options
		want    string
	}{
		{Options{Source: file, To: now}, "--to: from when on is missing"},
		{Options{Source: file, From: now, To: now}, "is not before"},
		{Options{Source: file, From: now.Add(-time.Hour), To: now, Mode: Stream}, "jobs with an end"},
		{Options{Source: d.source, From: now.Add(-time.Hour), To: now}, "give them once"},
		{Options{Source: strings.Split(d.source, "&from")[0], From: now.AddDate(0, 0, -40), To: now}, "more than 30 days ago"},
	} {
		test.options.Sink = memory(history.NewStore())
		if _, err := New(test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.options, err)
		}
	}
}
