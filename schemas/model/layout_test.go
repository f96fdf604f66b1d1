package model

import (
	"errors"
	"strings"
	"testing"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
)

func TestThePresentLayoutNeedsNoTranslation(t *testing.T) {
	tr, err := Translate(Layout(), nil)
	if tr != nil || err != nil {
		t.Errorf("%v, %v", tr, err)
	}
	b := event.Block{1, 2, 3}
	if got, err := tr.Block(b, event.TaskPart); string(got) != string(b) || err != nil {
		t.Errorf("a block becomes %v, %v", got, err)
	}
}

func TestALayoutThatCannotBeReadIsRefused(t *testing.T) {
	swap := func(s, a, b string) string { return strings.NewReplacer(a, b, b, a).Replace(s) }
	for name, layout := range map[string]string{
		"none": "", "a sum that nobody knows": "49cb0c7afc2eb579", "without attributes": "fields account_sid\nkinds (other)",
		"fields in another order": swap(Layout(), "account_sid", "task_sid"),
		"more fields":             strings.Replace(Layout(), "\nkinds", " some_field\nkinds", 1),
		"kinds in another order":  swap(Layout(), "task.created", "task.updated"),
		"more kinds":              Layout() + " task.unheard-of",
	} {
		if _, err := Translate(layout, nil); !errors.Is(err, ErrLayout) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// blockOf returns a block with one event of a layout whose trees are given.
func blockOf(t *testing.T, task, worker *attribute.Tree, taskAttributes, workerAttributes string) event.Block {
	t.Helper()
	e := event.Event{
		ID: "EV1", Time: 7, Kind: event.ReservationAccepted, QueueEnteredAt: event.None, InPreviousFor: event.None,
		HasTaskAttributes: true, HasWorkerAttrs: true,
	}
	e.Text[event.TaskSID] = "WT1"
	for _, a := range []struct {
		tree *attribute.Tree
		text string
		to   *attribute.Snapshot
	}{{task, taskAttributes, &e.TaskAttributes}, {worker, workerAttributes, &e.WorkerAttributes}} {
		s, ok := attribute.NewParser(a.tree).Append(nil, []byte(a.text))
		if !ok {
			t.Fatalf("%s is not parsable", a.text)
		}
		*a.to = attribute.Snapshot(s)
	}
	var b event.Builder
	b.Add(&e, event.Whole)
	return b.Append(nil)
}

// Attributes that an earlier version did not keep are absent; those that this one keeps no more are
// left out.
func TestEventsOfAnotherLayoutAreRead(t *testing.T) {
	layout2Lines := strings.Split(strings.TrimSpace(layout2), "\n")
	tests := []struct {
		name, layout string
		task, worker []string
	}{
		{"fewer and other paths", "task gone to from\nworker gone full_name\nfields account_sid\nkinds (other)", []string{"gone", "to", "from"}, []string{"gone", "full_name"}},
		{"version 2", keptOfLayout2, strings.Fields(layout2Lines[0])[1:], strings.Fields(layout2Lines[1])[1:]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tr, err := Translate(test.layout, nil)
			if err != nil {
				t.Fatal(err)
			}
			b := blockOf(t, attribute.NewTree(test.task...), attribute.NewTree(test.worker...),
				`{"gone":"x","to":"+2","from":"+1"}`, `{"gone":"x","full_name":"Ann"}`)
			if tr != nil {
				if b, err = tr.Block(b, event.Whole); err != nil {
					t.Fatal(err)
				}
			}
			events, err := event.Decode(event.Compress(b), nil)
			if err != nil || len(events) != 1 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			e := &events[0]
			task, worker := attribute.NewOverlay(TaskTree), attribute.NewOverlay(WorkerTree)
			task.Add(e.TaskAttributes)
			worker.Add(e.WorkerAttributes)
			got := []string{e.ID, e.Text[event.TaskSID], task.Text(TaskTree.ID("from")), task.Text(TaskTree.ID("to")), task.Text(TaskTree.ID("direction")), worker.Text(WorkerTree.ID("full_name")), worker.Text(WorkerTree.ID("team"))}
			if want := "EV1|WT1|+1|+2||Ann|"; strings.Join(got, "|") != want || e.Kind != event.ReservationAccepted || !e.HasTaskAttributes {
				t.Errorf("got %q, want %q: %+v", got, want, e)
			}
		})
	}
	tr, err := Translate(tests[0].layout, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Block(event.Block{9}, event.TaskPart); !errors.Is(err, event.ErrCorrupt) {
		t.Errorf("a corrupt block: %v", err)
	}
	if b, err := tr.Block(nil, event.TaskPart); len(b) > 0 || err != nil {
		t.Errorf("no block: %v, %v", b, err)
	}
}
