package event_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/event"
)

func kind(name string) event.Kind { return event.ParseKind([]byte(name)) }

func TestOfEqualTimesTheRankOfTheKindDecides(t *testing.T) {
	ranks := [][]string{
		{"task.created"}, {"workflow.entered"}, {"workflow.target-matched"}, {"task-queue.timeout"}, {"task-queue.moved"}, {"task-queue.entered"},
		{"task.transfer-initiated"}, {"reservation.created"},
		{"reservation.accepted", "reservation.rejected", "reservation.timeout", "reservation.canceled", "reservation.rescinded", "reservation.failed"},
		{"task.transfer-failed", "task.transfer-canceled", "task.transfer-completed", "task.transfer-attempt-failed"},
		{"reservation.wrapup"}, {"task.wrapup"}, {"reservation.completed"}, {"task.completed", "task.canceled"}, {"task.updated"}, {"task.deleted", "task.system-deleted"},
		{"task.unheard-of", "reservation.unheard-of", "worker.unheard-of", "worker.activity.update", "worker.deleted", "workflow.timeout", "workspace.created"},
	}
	for i, names := range ranks {
		for j, others := range ranks {
			for _, a := range names {
				for _, b := range others {
					x, y := &event.Event{ID: "EV2", Kind: kind(a)}, &event.Event{ID: "EV1", Kind: kind(b)}
					if got, want := x.Before(y), i < j; got != want {
						t.Errorf("%s before %s: %v", a, b, got)
					}
				}
			}
		}
	}
}

func TestEventsAreOrderedByTimeThenRankThenID(t *testing.T) {
	a := &event.Event{ID: "EV1", Time: 5, Kind: event.TaskCreated}
	for _, test := range []struct {
		name string
		b    event.Event
	}{
		{"a later one of a lower rank", event.Event{ID: "EV0", Time: 6, Kind: event.TaskCreated}},
		{"a higher rank", event.Event{ID: "EV0", Time: 5, Kind: event.TaskDeleted}},
		{"a greater id", event.Event{ID: "EV2", Time: 5, Kind: event.TaskCreated}},
	} {
		if !a.Before(&test.b) || test.b.Before(a) {
			t.Error(test.name + " does not come behind")
		}
	}
	if a.Before(a) {
		t.Error("an event comes before itself")
	}
}

func TestStampsOrderByTimeThenSourceThenID(t *testing.T) {
	for i := range 200 {
		id := fmt.Sprint("EV", i)
		rest, stream, next := event.Event{ID: id, Time: 1000}, event.Event{ID: id, Time: 1000, Stream: true}, event.Event{ID: id, Time: 1001}
		if stream.Stamp() != rest.Stamp()+2048 || next.Stamp() != rest.Stamp()+4096 || rest.Stamp()>>11 != 2000 {
			t.Fatalf("%s: stamps %d, %d, %d", id, rest.Stamp(), stream.Stamp(), next.Stamp())
		}
		for j := range i {
			o := event.Event{ID: fmt.Sprint("EV", j), Time: 1000}
			want := rest.Stamp() > o.Stamp() || rest.Stamp() == o.Stamp() && rest.ID > o.ID
			if got := rest.NewerThan(&o); got != want {
				t.Fatalf("%s newer than %s: %v", rest.ID, o.ID, got)
			}
		}
	}
	e := event.Event{}
	if !e.NewerThan(nil) {
		t.Error("an event is not newer than none")
	}
}

func TestTheBestRecordOfAnEventStays(t *testing.T) {
	rest, stream := event.Event{ID: "EV1", Sum: 9, Time: 1}, event.Event{ID: "EV1", Sum: 1, Stream: true, Time: 2}
	greater := event.Event{ID: "EV1", Sum: 5, Stream: true, Time: 3}
	newer := event.Event{ID: "EV1", Sum: 0, Stream: true, Schema: 4, Time: 4}
	older := event.Event{ID: "EV1", Sum: 7, Stream: true, Schema: 3, Time: 5}
	other := event.Event{ID: "EV2", Time: 0}
	tests := []struct {
		name    string
		records []*event.Event
		want    []int64 // times
	}{
		{"of Event Streams before REST", []*event.Event{&rest, &stream}, []int64{2}},
		{"in any order", []*event.Event{&stream, &rest}, []int64{2}},
		{"the greater hash of two", []*event.Event{&stream, &greater, &rest}, []int64{3}},
		{"in any order", []*event.Event{&greater, &rest, &stream}, []int64{3}},
		{"the newer schema before the greater hash", []*event.Event{&newer, &older, &greater}, []int64{4}},
		{"in any order", []*event.Event{&greater, &older, &rest, &newer}, []int64{4}},
		{"sorted", []*event.Event{&greater, &other, &greater}, []int64{0, 3}},
		{"none", nil, nil},
	}
	for _, test := range tests {
		for _, many := range []int{0, 30} { // few and many events are told apart in two ways
			t.Run(fmt.Sprint(test.name, ", with others: ", many), func(t *testing.T) {
				records := append([]*event.Event(nil), test.records...)
				for i := range many {
					records = append(records, &event.Event{ID: fmt.Sprint("XX", i), Time: 99})
				}
				rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
				got, err := event.Distinct(records, nil)
				if err != nil {
					t.Fatal(err)
				}
				var times []int64
				for _, e := range got[:len(got)-many] {
					times = append(times, int64(e.Time))
				}
				if d := cmp.Diff(test.want, times); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

func TestGroupsAreOfOneAccountAndSID(t *testing.T) {
	var all []event.Event
	for _, s := range strings.Fields("AC1/WT1/a AC2/WT1/b AC1/WT2/c AC1/WT1/d AC1//e") {
		p := strings.Split(s, "/")
		e := event.Event{ID: p[2]}
		e.Text[event.AccountSID], e.Text[event.TaskSID] = p[0], p[1]
		all = append(all, e)
	}
	var got []string
	for _, g := range event.Groups(all, event.TaskSID) {
		s := g.Account + "/" + g.SID + "/"
		for _, e := range g.Events {
			s += e.ID
		}
		got = append(got, s)
	}
	if d := cmp.Diff([]string{"AC1/WT1/ad", "AC2/WT1/b", "AC1/WT2/c", "AC1//e"}, got); d != "" {
		t.Error(d)
	}
}

func TestEveryKindNeedsItsSIDs(t *testing.T) {
	tests := []struct {
		kind string
		want []event.Field
	}{
		{"task.anything", []event.Field{event.TaskSID}}, {"reservation.anything", []event.Field{event.TaskSID, event.ReservationSID}}, {"worker.anything", []event.Field{event.WorkerSID}},
		{"workflow.entered", []event.Field{event.TaskSID}}, {"workflow.skipped", []event.Field{event.TaskSID}}, {"task-queue.moved", []event.Field{event.TaskSID}},
		{"workflow.created", nil}, {"task-queue.created", nil}, {"task", nil}, {"", nil},
	}
	for _, test := range tests {
		if d := cmp.Diff(test.want, event.Needs([]byte(test.kind))); d != "" {
			t.Errorf("%s: %s", test.kind, d)
		}
	}
}
