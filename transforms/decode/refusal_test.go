package decode_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/event"
	"flexbeam/transforms/decode"
)

func TestWhatCannotBeUsedIsRefusedWithItsClass(t *testing.T) {
	const task = "com.twilio.taskrouter.task.created"
	tests := []struct {
		name, line string
		want       decode.Class
	}{
		{"invalid UTF-8", "{\"type\":\"\xff\"}", decode.InvalidUTF8},
		{"invalid UTF-8 of an event outside TaskRouter", "{\"type\":\"com.twilio.video\",\"x\":\"\xc3\x28\"}", decode.InvalidUTF8},
		{"invalid UTF-8 in an array", "[{\"type\":\"com.twilio.video\"},{\"x\":\"\xc3\x28\"}]", decode.InvalidUTF8},
		{"half a record", `{"type":"` + task + `","da`, decode.InvalidJSON},
		{"a literal that is no JSON", envelope("task.created", `task_priority=NaN`), decode.InvalidJSON},
		{"a control character in a string", envelope("task.created", "reason=\"a\tb\""), decode.InvalidJSON},
		{"words", `no JSON at all`, decode.InvalidJSON},
		{"a number", `5`, decode.NotAnObject},
		{"a string", `"{}"`, decode.NotAnObject},
		{"null", `null`, decode.NotAnObject},
		{"no data", `{"type":"` + task + `","id":"1"}`, decode.InvalidData},
		{"null data", `{"type":"` + task + `","data":null}`, decode.InvalidData},
		{"an empty record", `{}`, decode.InvalidData},
		{"data is a broken string", `{"type":"` + task + `","data":"{bad"}`, decode.InvalidData},
		{"data is text of something else", `{"type":"` + task + `","data":"[1]"}`, decode.InvalidData},
		{"data is an empty string", `{"type":"` + task + `","data":" "}`, decode.InvalidData},
		{"data is an array", `{"type":"` + task + `","data":[1]}`, decode.InvalidData},
		{"data is a number", `{"type":"` + task + `","data":5}`, decode.InvalidData},
		{"text behind the data", `{"type":"` + task + `","data":"{} {}"}`, decode.InvalidData},
		{"data is doubly quoted", `{"type":"` + task + `","data":"\"{}\""}`, decode.InvalidData},
		{"payload is a broken string", `{"type":"` + task + `","data":{"payload":"{bad"}}`, decode.InvalidData},
		{"payload is an array", `{"type":"` + task + `","data":{"payload":[]}}`, decode.InvalidData},
		{"REST data is a number", `{"event_type":"task.created","event_data":5}`, decode.InvalidData},
		{"REST data is a broken string", `{"event_type":"task.created","event_data":"{bad"}`, decode.InvalidData},
		{"no type anywhere", `{"data":{"payload":{"account_sid":"AC1"}}}`, decode.MissingType},
		{"no type in the REST log", `{"event_data":{"task_sid":"WT1"}}`, decode.MissingType},
		{"no account", envelope("task.created", "account_sid="), decode.MissingAccount},
		{"a blank account", envelope("task.created", `account_sid=" "`), decode.MissingAccount},
		{"no payload", `{"type":"` + task + `","data":{}}`, decode.MissingAccount},
		{"no time", `{"type":"` + task + `","data":{"payload":{"account_sid":"AC1","task_sid":"WT1"}}}`, decode.MissingTime},
		{"no time that can be read", `{"type":"` + task + `","time":"soon","data":{"timestamp":"later","payload":{"account_sid":"AC1","task_sid":"WT1","timestamp":{}}}}`, decode.MissingTime},
		{"the REST log's seconds are no time", `{"account_sid":"AC1","event_date":"2015-02-07T00:32:41Z","event_type":"task.created","event_data":{"task_sid":"WT1"}}`, decode.MissingTime},
		{"no reservation", envelope("reservation.created", "reservation_sid="), decode.MissingReservation},
		{"a reservation without a task", envelope("reservation.unheard-of", "task_sid=null"), decode.MissingTask},
		{"no worker", envelope("worker.unheard-of", "worker_sid="), decode.MissingWorker},
	}
	for _, kind := range []string{"task.created", "task.unheard-of", "workflow.entered", "workflow.target-matched", "workflow.timeout", "workflow.skipped", "task-queue.entered", "task-queue.timeout", "task-queue.moved"} {
		tests = append(tests, struct {
			name, line string
			want       decode.Class
		}{kind + " without a task", envelope(kind, `task_sid=""`), decode.MissingTask})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := find(test.line)
			want := []refusal{{test.want, strings.TrimSpace(test.line), -1, 0}}
			if d := cmp.Diff(want, f.refused, cmp.AllowUnexported(refusal{})); d != "" || len(f.events)+f.dropped != 0 {
				t.Errorf("%d events, %d dropped, refused %s", len(f.events), f.dropped, d)
			}
		})
	}
}

func TestAnErrorSaysItsClassAndWhatIsWrong(t *testing.T) {
	var got *decode.Error
	decode.New().Line([]byte(envelope("reservation.created", "reservation_sid=")), refusals(func(e *decode.Error) { got = e }))
	if want := "missing_reservation_sid: reservation.created without reservation_sid: pass the records on whole, as Twilio sends them"; got.Error() != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

type refusals func(*decode.Error)

func (refusals) Event(*event.Event)                                 {}
func (refusals) Dropped()                                           {}
func (f refusals) Refused(e *decode.Error, _ []byte, _ decode.Spot) { f(e) }

func TestKindsThatNeedNoSIDDoWithout(t *testing.T) {
	for _, kind := range []string{"task-queue.created", "task-queue.deleted", "task-queue.expression.updated", "workflow.rejected", "workspace.updated", "activity.created"} {
		e := only(t, envelope(kind, "task_sid=", "reservation_sid=", "worker_sid="))
		if e.Text[event.TaskSID] != "" {
			t.Errorf("%s: task %s", kind, e.Text[event.TaskSID])
		}
	}
	if e := only(t, envelope("reservation.failed", "worker_sid=")); e.Text[event.WorkerSID] != "" {
		t.Error("reservation.failed has a worker")
	}
}

func TestBlankLinesHoldNothing(t *testing.T) {
	if f := find("", " ", "\t\r", "\u00a0", "\r\n"); len(f.events)+f.dropped+len(f.refused) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestNamesAreTakenByCaseAndTheLastOfEqualOnes(t *testing.T) {
	e := only(t, envelope("task.updated", `Task_Sid="decoy"`, `TASK_ATTRIBUTES="{}"`, `reason="first"`, `reason="last"`, `task_queue_name="first"`, `task_queue_name=null`))
	if e.Text[event.TaskSID] != "WT1" || e.HasTaskAttributes || e.Text[event.Reason] != "last" || e.Text[event.QueueName] != "" {
		t.Errorf("task %s, reason %s, queue %q", e.Text[event.TaskSID], e.Text[event.Reason], e.Text[event.QueueName])
	}
	twice := only(t, `{"type":"com.twilio.video","type":"com.twilio.taskrouter.task.updated","time":5,`+
		`"data":{"account_sid":"AC8","payload":{"task_sid":"WT8","account_sid":"AC9"}},"data":"{\"account_sid\":\"AC1\",\"payload\":{\"task_sid\":\"WT8\",\"reason\":\"r\"},\"payload\":\"{\\\"task_sid\\\":\\\"WT1\\\"}\"}"}`)
	if twice.Text[event.AccountSID] != "AC1" || twice.Text[event.TaskSID] != "WT1" || twice.Text[event.Reason] != "" {
		t.Errorf("account %s, task %s, reason %s", twice.Text[event.AccountSID], twice.Text[event.TaskSID], twice.Text[event.Reason])
	}
	if e := only(t, strings.Replace(envelope("task.updated"), `"task_sid"`, `"t\u0061sk_sid"`, 1)); e.Text[event.TaskSID] != "WT1" {
		t.Errorf("an escaped name is not read: task %q", e.Text[event.TaskSID])
	}
}

func TestNestingIsBoundedAsInEncodingJSON(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	only(t, envelope("task.updated", "extra="+deep(9997)))
	if f := find(envelope("task.updated", "extra="+deep(9998))); len(f.refused) != 1 || f.refused[0].class != decode.InvalidJSON {
		t.Errorf("%d events, refused %d", len(f.events), len(f.refused))
	}
	if f := find(deep(5_000_000)); len(f.refused) != 1 || f.refused[0].class != decode.InvalidJSON {
		t.Errorf("refused %d", len(f.refused))
	}
	attributes := `task_attributes="{\"from\":\"+1\",\"deep\":` + deep(100000) + `}"`
	if e := only(t, envelope("task.updated", attributes)); e.HasTaskAttributes {
		t.Error("attributes nested too deeply are parsable")
	}
}

func TestARecordOfAMebibyteIsRead(t *testing.T) {
	text := strings.Repeat("é", 1<<19)
	for _, form := range []history.Form{history.Object, history.String, history.DoubleString, history.REST} {
		e := history.Parse(`0 task.updated`)[0].With("reason", text).With("task_attributes", `{"from":"+1","notes":"`+text+`"}`)
		got := only(t, string(e.Record(form)))
		if got.Text[event.Reason] != text || !got.HasTaskAttributes {
			t.Errorf("form %d: %d bytes of reason, attributes %v", form, len(got.Text[event.Reason]), got.HasTaskAttributes)
		}
	}
}

func TestALineOfFortyMegabytesIsRead(t *testing.T) {
	var elements [][]byte
	size := 0
	for i := 0; size < 40<<20; i++ {
		elements = append(elements, []byte(envelope("task.updated", fmt.Sprintf(`sid="EV%d"`, i), `filler="`+strings.Repeat("x", 1<<16)+`"`)))
		size += len(elements[i])
	}
	f := new(found)
	decode.New().Line(history.Array(elements...), f)
	if len(f.events) != len(elements) || len(f.refused) != 0 || f.events[len(elements)-1].ID != fmt.Sprintf("EV%d", len(elements)-1) {
		t.Errorf("%d events of %d", len(f.events), len(elements))
	}
}
