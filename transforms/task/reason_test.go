package task_test

import (
	"testing"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/task"
)

func TestTheReasonsOfCustomersWhoLeftCanBeReplaced(t *testing.T) {
	outcome := func(reason string, o task.Options) string {
		entered := &event.Event{ID: "EV1", Kind: event.QueueEntered, Time: 1000, QueueEnteredAt: event.None}
		canceled := &event.Event{ID: "EV2", Kind: event.TaskCanceled, Time: 2000, QueueEnteredAt: event.None}
		canceled.Text[event.CanceledReason] = reason
		got := ""
		emit := func(id model.TableID, r model.Row) {
			if id == model.EngagementsID {
				got = model.Engagements.Get(r, "outcome_type").Str
			}
		}
		if _, err := task.NewFolder(o).Fold("AC1", "WT1", []*event.Event{canceled, entered}, emit, func(string, model.Row) {}); err != nil {
			t.Fatal(err)
		}
		return got
	}
	own := task.Options{LeftReasons: []string{"Gone away", "?"}}
	tests := []struct {
		reason  string
		options task.Options
		want    string
	}{
		{"hangup", task.Options{}, "Customer Left"}, {"gone-away", task.Options{}, "Canceled"},
		{"GONE_AWAY!", own, "Customer Left"}, {"hangup", own, "Canceled"}, {"!", own, "Canceled"}, {"", own, "Canceled"},
	}
	for _, test := range tests {
		if got := outcome(test.reason, test.options); got != test.want {
			t.Errorf("%q with %v: got %s, want %s", test.reason, test.options.LeftReasons, got, test.want)
		}
	}
}
