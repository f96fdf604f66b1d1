package decode_test

import (
	"fmt"

	"flexbeam/schemas/event"
	"flexbeam/transforms/decode"
)

// printer prints what a decoder finds.
type printer struct{}

func (printer) Event(e *event.Event) {
	fmt.Println(e.Kind, "of task", e.Text[event.TaskSID], "in account", e.Text[event.AccountSID])
}
func (printer) Dropped() { fmt.Println("an event outside TaskRouter") }
func (printer) Refused(err *decode.Error, _ []byte, at decode.Spot) {
	fmt.Printf("value %d, element %d: %v\n", at.Value, at.Index, err)
}

func Example() {
	d := decode.New()
	for _, line := range []string{
		`{"type": "com.twilio.taskrouter.task.created", "data": {"payload": {"account_sid": "AC1", "task_sid": "WT1", "timestamp": "2026-03-02T08:00:00Z"}}}`,
		`{"type": "com.twilio.taskrouter.task.created", "data": "{\"payload\": {\"account_sid\": \"AC1\", \"task_sid\": \"WT2\", \"timestamp\": 1772438400}}"}`,
		`{"event_type": "task.created", "account_sid": "AC1", "event_date_ms": 1772438400000, "event_data": {"task_sid": "WT3"}}`,
		`[{"type": "com.twilio.video.room.created"}, {"type": "com.twilio.taskrouter.task.created", "data": {}}]`,
	} {
		d.Line([]byte(line), printer{})
	}
	// Output:
	// task.created of task WT1 in account AC1
	// task.created of task WT2 in account AC1
	// task.created of task WT3 in account AC1
	// an event outside TaskRouter
	// value 0, element 1: missing_account: task.created without account_sid: pass the records on whole, as Twilio sends them
}
