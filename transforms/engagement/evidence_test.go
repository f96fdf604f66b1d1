package engagement_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/engagement"
)

// happened is an event of a task, in seconds, of a reservation where it names one.
type happened struct {
	second      int64
	kind        event.Kind
	reservation string
}

func TestWhatIsMissingIsCountedByTheRows(t *testing.T) {
	entered := happened{0, event.QueueEntered, ""}
	created := happened{1, event.ReservationCreated, "WR1"}
	accepted := happened{5, event.ReservationAccepted, "WR1"}
	completed := happened{20, event.ReservationCompleted, "WR1"}
	ended := happened{30, event.TaskCompleted, ""}
	type counts = map[evidence.Kind]int64
	tests := []struct {
		name   string
		events []happened
		want   counts
	}{
		{"nothing is missing", []happened{entered, created, accepted, completed, ended}, counts{evidence.Reserved: 1, evidence.Agents: 1}},
		{"a task without reservations", []happened{ended}, counts{}},
		{"no queue entry", []happened{created, accepted, completed, ended}, counts{evidence.Reserved: 1, evidence.Unqueued: 1, evidence.Agents: 1}},
		{"an engagement without its end, while it runs", []happened{entered, created, accepted}, counts{evidence.Reserved: 1, evidence.Agents: 1}},
		{"an engagement without its end", []happened{entered, created, accepted, ended}, counts{evidence.Reserved: 1, evidence.Agents: 1, evidence.AgentsInferred: 1}},
		{"an engagement without its beginning", []happened{entered, created, completed, ended},
			counts{evidence.Reserved: 1, evidence.Agents: 1, evidence.AgentsUnaccepted: 1}},
		{"an offer", []happened{entered, created, {9, event.ReservationTimeout, "WR1"}}, counts{evidence.Reserved: 1, evidence.Offers: 1}},
		{"an offer that may still be open", []happened{entered, created}, counts{evidence.Reserved: 1}},
		{"an offer without its end", []happened{entered, created, ended}, counts{evidence.Reserved: 1, evidence.Offers: 1, evidence.OffersInferred: 1}},
		{"an offer without its beginning", []happened{entered, {9, event.ReservationTimeout, "WR1"}},
			counts{evidence.Reserved: 1, evidence.Offers: 1, evidence.OffersUncreated: 1}},
	}
	named := customer.NewFolder(customer.Key(""), nil)
	f := engagement.NewFolder(nil, nil) // it keeps nothing of the task before
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var events []*event.Event
			for i, h := range tt.events {
				e := &event.Event{ID: fmt.Sprintf("EV%d", i), Time: event.Millis(1000 * h.second), Kind: h.kind, InPreviousFor: event.None, QueueEnteredAt: event.None}
				e.Text[event.ReservationSID] = h.reservation
				events = append(events, e)
			}
			f.Fold(engagement.Task{Account: "AC", SID: "WT", Named: named.Fold("WT", events, 1).Named}, events, func(model.Row) { /* rows are tested elsewhere */ })
			got := counts{}
			for k, n := range f.Evidence(events) {
				if n != 0 {
					got[evidence.Kind(k)] = n
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
