package worker_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/worker"
)

func update(id string, at event.Millis, previous, next string, lasted event.Millis) *event.Event {
	e := &event.Event{ID: id, Kind: event.WorkerActivityUpdate, Time: at, InPreviousFor: lasted}
	e.Text[event.PreviousActivityName], e.Text[event.ActivityName] = previous, next
	return e
}

// The events of one worker become the row of an agent and the time in activities.
func ExampleFolder_Fold() {
	events := []*event.Event{
		update("EV2", 1_500_000, "Break", "Available", 900_000),
		update("EV1", 600_000, "Available", "Break", 600_000),
	}
	folder := worker.NewFolder(worker.Options{Hidden: []string{"Offline"}, AsOf: event.None})
	_, err := folder.Fold("AC1", "WK1", events, func(t model.TableID, r model.Row) {
		switch table := model.Tables[t]; t {
		case model.AgentsID:
			fmt.Println(table.Get(r, "agent_id"), "is", table.Get(r, "state"))
		case model.AgentStatusID:
			fmt.Println(table.Get(r, "interval_start"), table.Get(r, "activity"), table.Get(r, "seconds"))
		}
	})
	fmt.Println("error:", err)
	// Output:
	// WK1 is Active
	// 1970-01-01T00:00:00.000Z Available 600
	// 1970-01-01T00:00:00.000Z Break 300
	// 1970-01-01T00:15:00.000Z Break 600
	// error: <nil>
}

func TestEventsThatBelongToATaskAreNotCountedTwice(t *testing.T) {
	lines := history.Lines(history.Parse(`
		0   worker.created
		1   created
		2   accepted
		3   activity was=Break now=Lunch for=3
		4   task-queue.created`), history.All(history.Object))
	lines = append(lines, lines...)
	for name, f := range map[string]func() (history.Tables, int64){
		"batch": func() (history.Tables, int64) {
			t, c := history.Batch(lines, 3, history.Options{})
			return t, c.Duplicates()
		},
		"stream": func() (history.Tables, int64) {
			t, c := history.Stream(lines, history.Options{Cut: func() bool { return true }})
			return t, c.Duplicates()
		},
	} {
		tables, duplicates := f()
		if duplicates != 5 {
			t.Errorf("%s: %d duplicates of 5 events that come twice", name, duplicates)
		}
		if d := cmp.Diff([]string{"WK1 08:00 Break 3 Unavailable"}, tables.Activities()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
