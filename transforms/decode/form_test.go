package decode_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/event"
)

// The fixtures follow the shapes that Twilio documents; their ids and words are made up.
const (
	testEvent = `{"specversion":"1.0","type":"com.twilio.eventstreams.test-event","source":"Sink","id":"AC77","dataschema":"https://events-schemas.twilio.com/EventStreams.TestSink/1.json","datacontenttype":"application/json","time":"2026-03-02T08:00:00.113Z","data":"{\"test_id\":\"1c1e\"}"}`

	// documented has the type of one event and the payload of another, and a time where the content
	// type belongs.
	documented = `{"specversion":"1.0","type":"com.twilio.taskrouter.task.canceled","source":"AB1","id":"NO1","dataschema":"https://events-schemas.twilio.com/TaskRouter.WDSEvent/4","datacontenttype":"2026-03-02T08:00:02.363Z","data":{"sid":"EV1","name":"ReservationCreated","account_sid":"AC1","account_friendly_name":"One","parent_account_sid":"AC0","timestamp":"2026-03-02T08:00:00.000Z","level":"INFO","group":"reservation","product_name":"TaskRouter","publisher":"Flex Task Assignment","publisher_metadata":"{}","payload_type":"application/json","payload":{"sid":"EV1","eventtype":"reservation.created","account_sid":"AC1","timestamp":"2026-03-02T08:00:00.000Z","workspace_sid":"WS1","workspace_name":"Flex Task Assignment","task_sid":"WT1","task_attributes":"{}","task_age":31088,"task_date_created":"2026-03-01T08:00:00.000Z","task_priority":1,"task_assignment_status":"reserved","task_completed_reason":"All reservations were completed","task_canceled_reason":"hangup","reason":"hangup"}}}`

	rest = `{"account_sid":"AC1","description":"Worker ann updated to Idle Activity","event_data":{"worker_activity_name":"Idle","worker_activity_sid":"WA1","worker_attributes":"{}","worker_name":"ann","worker_sid":"WK1","worker_time_in_previous_activity":"26","worker_time_in_previous_activity_ms":"26123","worker_available":"true","workspace_sid":"WS1"},"event_date":"2015-02-07T00:32:41Z","event_date_ms":1772438400123,"event_type":"worker.activity","resource_type":"worker","sid":"EV2","workspace_sid":"WS1"}`

	kinesis = `{"specversion":"1.0","type":"com.twilio.taskrouter.reservation.accepted","source":"AB1","id":"EZ1","dataschema":"https://events-schemas.twilio.com/TaskRouter.WDSEvent/4","datacontenttype":"application/json","time":"2026-03-02T08:15:01.002Z","data":"{\"sid\":\"EV5\",\"name\":\"ReservationAccepted\",\"account_sid\":\"AC1\",\"timestamp\":\"2026-03-02T08:15:00.412Z\",\"payload_type\":\"application/json\",\"payload\":{\"sid\":\"EV5\",\"eventtype\":\"reservation.accepted\",\"account_sid\":\"AC1\",\"timestamp\":\"2026-03-02T08:15:00.412Z\",\"workspace_sid\":\"WS1\",\"task_sid\":\"WT1\",\"task_attributes\":\"{\\\"direction\\\":\\\"inbound\\\",\\\"from\\\":\\\"+15551230001\\\",\\\"customers\\\":{\\\"external_id\\\":\\\"crm-42\\\"}}\",\"task_queue_sid\":\"WQ1\",\"task_queue_name\":\"Support\",\"task_queue_entered_date\":\"2026-03-02T08:00:00.101Z\",\"task_channel_unique_name\":\"voice\",\"workflow_sid\":\"WW1\",\"workflow_name\":\"Assign\",\"reservation_sid\":\"WR1\",\"reservation_version\":1,\"worker_sid\":\"WK1\",\"worker_name\":\"ann@example.com\",\"worker_attributes\":\"{\\\"full_name\\\":\\\"Ann Agent\\\",\\\"roles\\\":[\\\"agent\\\",\\\"supervisor\\\"]}\"}}"}`
)

// brief tells of an event what the fixtures say.
func brief(e event.Event) string {
	s := e.Kind.String() + " " + e.ID
	for _, f := range []event.Field{event.AccountSID, event.TaskSID, event.ReservationSID, event.WorkerSID, event.WorkspaceSID, event.QueueName, event.CanceledReason} {
		if e.Text[f] != "" {
			s += " " + e.Text[f]
		}
	}
	return strings.Join(strings.Fields(s), " ")
}

func TestASchemaHasTheVersionBehindItsLastSlash(t *testing.T) {
	for schema, want := range map[string]uint32{
		`"https://events-schemas.twilio.com/TaskRouter.WDSEvent/4"`: 4, `"https://e/TaskRouter.WDSEvent/12.json"`: 12, `"https://e/3/"`: 0, `"https://e/v4"`: 0,
		`"4"`: 0, `""`: 0, `null`: 0, `4`: 0, `"/99999999999999999999"`: 4294967295, `"/4/5"`: 5,
	} {
		line := strings.Replace(kinesis, `"https://events-schemas.twilio.com/TaskRouter.WDSEvent/4"`, schema, 1)
		if got := only(t, line).Schema; got != want {
			t.Errorf("%s: got %d, want %d", schema, got, want)
		}
	}
	if got := only(t, rest).Schema; got != 0 {
		t.Errorf("REST has schema %d", got)
	}
}

func TestFixturesAreRead(t *testing.T) {
	tests := []struct {
		name, line, want string
		ms               int64
		stream           bool
	}{
		{"the documented example: its type counts", documented, "task.canceled EV1 AC1 WT1 WS1 hangup", 1772438400000, true},
		{"the REST log: worker.activity, milliseconds", rest, "worker.activity.update EV2 AC1 WK1 WS1", 1772438400123, false},
		{"Kinesis: data is a string", kinesis, "reservation.accepted EV5 AC1 WT1 WR1 WK1 WS1 Support", 1772439300412, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := only(t, test.line)
			if got := brief(e); got != test.want || e.Time != event.Millis(test.ms) || e.Stream != test.stream {
				t.Errorf("got %s at %d, of Event Streams: %v", got, e.Time, e.Stream)
			}
		})
	}
	if e := only(t, rest); e.InPreviousFor != 26123 || e.WorkerAvailable != event.Yes || !e.HasWorkerAttrs {
		t.Errorf("REST: %d ms in the previous activity, available %d", e.InPreviousFor, e.WorkerAvailable)
	}
	if e := only(t, kinesis); e.QueueEnteredAt != 1772438400101 || !e.HasTaskAttributes || !e.HasWorkerAttrs {
		t.Errorf("Kinesis: queue entered at %d", e.QueueEnteredAt)
	}
}

func TestEveryFormGivesTheSameEvent(t *testing.T) {
	events := history.Parse(`
		0  accepted WQ1 queue=" Support " since=-5.5 ta={"from":"+1","conversations":{"case":7}} wa={"full_name":"Ann \"A\""} reservation_reason_code=7 workflow_sid=WW1
		1  activity was=Break now=Lunch ms=1500 available=true worker_version=3
		2  task.canceled task_canceled_reason="line\nbreak \\ \"quoted\" é 😀" ta=[1]`)
	forms := []history.Form{history.String, history.DoubleString, history.Attributes, history.Sparse, history.Webhook, history.REST}
	for _, e := range events {
		want := only(t, string(e.Record(history.Object)))
		for _, f := range forms {
			got := only(t, string(e.Record(f)))
			got.Sum, want.Sum = 0, 0
			if got.Stream != (f != history.REST) {
				t.Errorf("form %d: of Event Streams: %v", f, got.Stream)
			}
			got.Stream = true
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s in form %d:\n%s", e.Kind, f, d)
			}
		}
	}
}

func TestWhatIsOutsideTaskRouterIsDroppedUnread(t *testing.T) {
	tests := []struct{ name, line string }{
		{"the test event of a new sink", testEvent},
		{"a test event whose data is broken", `{"type":"com.twilio.eventstreams.test-event","data":"{bad"}`},
		{"another product, broken data", `{"type":"com.twilio.video.room.ended","data":"{bad"}`},
		{"another product, no data", `{"type":"com.twilio.conversations.message.added"}`},
		{"rate limits of TaskRouter", `{"type":"com.twilio.apiusage.taskrouter.ratelimits","data":{}}`},
		{"a type without the prefix", `{"type":"task.created","data":{"payload":{}}}`},
		{"another product named in the payload", `{"data":{"payload":{"eventtype":"com.twilio.video.x"}}}`},
		{"another product in the REST log", `{"event_type":"com.twilio.video.x","event_data":{}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if f := find(test.line); f.dropped != 1 || len(f.events)+len(f.refused) != 0 {
				t.Errorf("%d events, %d dropped, refused %v", len(f.events), f.dropped, f.refused)
			}
		})
	}
}

func TestTheFirstIDThatIsThereCounts(t *testing.T) {
	const times = `"account_sid":"AC1","timestamp":"2026-03-02T08:00:00Z","task_sid":"WT1"`
	const bare = `{"type":"com.twilio.taskrouter.task.created","data":{"payload":{` + times + `}}}`
	tests := []struct{ name, line, want string }{
		{"of the payload", `{"type":"com.twilio.taskrouter.task.created","id":"EZ","data":{"sid":"EVd","payload":{"sid":"EVp",` + times + `}}}`, "EVp"},
		{"of data", `{"type":"com.twilio.taskrouter.task.created","id":"EZ","data":{"sid":"EVd","payload":{"sid":" ",` + times + `}}}`, "EVd"},
		{"of the envelope", `{"type":"com.twilio.taskrouter.task.created","id":"EZ","data":{"sid":null,"payload":{` + times + `}}}`, "EZ"},
		{"a number", `{"type":"com.twilio.taskrouter.task.created","id":7,"data":{"payload":{` + times + `}}}`, "7"},
		{"of the REST log", `{"sid":"EVr","account_sid":"AC1","event_date_ms":1,"event_type":"task.created","event_data":{"task_sid":"WT1","sid":"EVp"}}`, "EVr"},
		{"the hash of the text", bare, fmt.Sprintf("%x", sha256.Sum256([]byte(bare)))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := only(t, test.line).ID; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestTheTextOfARecordIsHashedWithoutBlanksAround(t *testing.T) {
	record := `{"type":"com.twilio.taskrouter.task.created","data":{"payload":{"account_sid":"AC1","timestamp":1772438400,"task_sid":"WT1"}}}`
	want := only(t, record)
	for _, line := range []string{" " + record + "\t\r\n", "\u00a0" + record, "[ " + record + " ]", "\t[" + record + "]\r"} {
		if got := only(t, line); got.ID != want.ID || got.Sum != want.Sum {
			t.Errorf("%q: id %s, want %s", line, got.ID, want.ID)
		}
	}
	if got := only(t, strings.Replace(record, ",", ", ", 1)); got.ID == want.ID {
		t.Error("another text has the same hash")
	}
}

func TestTheFirstTimeThatCanBeReadCounts(t *testing.T) {
	line := func(payload, data, envelope string) string {
		s := `{"type":"com.twilio.taskrouter.task.created"`
		if envelope != "" {
			s += `,"time":` + envelope
		}
		s += `,"data":{`
		if data != "" {
			s += `"timestamp":` + data + `,`
		}
		s += `"payload":{`
		if payload != "" {
			s += `"timestamp":` + payload + `,`
		}
		return s + `"account_sid":"AC1","task_sid":"WT1"}}}`
	}
	tests := []struct {
		name, line string
		want       event.Millis
	}{
		{"of the payload", line(`1`, `2`, `3`), 1000},
		{"of data", line(``, `2`, `3`), 2000},
		{"of the envelope", line(``, ``, `3`), 3000},
		{"one that cannot be read is as if absent", line(`"yesterday"`, `"2026-13-45T00:00:00Z"`, `"1970-01-01T00:00:03Z"`), 3000},
		{"of the wrong type", line(`{}`, `true`, `"3"`), 3000},
		{"null and blank", line(`null`, `" "`, `"3"`), 3000},
		{"the REST log's milliseconds", `{"account_sid":"AC1","event_date_ms":"1772438400123","event_date":"2015-02-07T00:32:41Z","event_type":"task.created","event_data":{"task_sid":"WT1"}}`, 1772438400123},
		{"the payload's own before the REST log's", `{"account_sid":"AC1","event_date_ms":9,"event_type":"task.created","event_data":{"task_sid":"WT1","timestamp":"1"}}`, 1000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := only(t, test.line).Time; got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestTheAccountIsThePayloadsThenThatOfData(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"of the payload", `{"type":"com.twilio.taskrouter.task.created","time":1,"data":{"account_sid":"ACd","payload":{"account_sid":"ACp","task_sid":"WT1"}}}`, "ACp"},
		{"of data", `{"type":"com.twilio.taskrouter.task.created","time":1,"data":{"account_sid":" ACd ","payload":{"account_sid":"","task_sid":"WT1"}}}`, "ACd"},
		{"of the REST event", `{"account_sid":"ACr","event_date_ms":1,"event_type":"task.created","event_data":{"task_sid":"WT1"}}`, "ACr"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := only(t, test.line).Text[event.AccountSID]; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestTheKindIsTheTypesThenThePayloads(t *testing.T) {
	const payload = `"account_sid":"AC1","task_sid":"WT1","reservation_sid":"WR1","worker_sid":"WK1"`
	tests := []struct{ name, line, want string }{
		{"of the type", `{"type":"com.twilio.taskrouter.task.canceled","time":1,"data":{"payload":{"eventtype":"task.created",` + payload + `}}}`, "task.canceled"},
		{"of the payload", `{"type":null,"time":1,"data":{"payload":{"eventtype":"task.created",` + payload + `}}}`, "task.created"},
		{"of the payload, with the prefix", `{"time":1,"data":{"payload":{"eventtype":"com.twilio.taskrouter.task.created",` + payload + `}}}`, "task.created"},
		{"worker.activity is an update", `{"type":"com.twilio.taskrouter.worker.activity","time":1,"data":{"payload":{` + payload + `}}}`, "worker.activity.update"},
		{"of the REST event", `{"account_sid":"AC1","event_date_ms":1,"event_type":"reservation.wrapup","event_data":{"eventtype":"task.created",` + payload + `}}`, "reservation.wrapup"},
		{"of the REST event's data", `{"account_sid":"AC1","event_date_ms":1,"event_data":{"eventtype":"task.created",` + payload + `}}`, "task.created"},
		{"of the REST event, data as text", `{"account_sid":"AC1","event_date_ms":1,"event_type":"task.created","event_data":"{\"task_sid\":\"WT1\"}"}`, "task.created"},
		{"unheard-of", `{"type":"com.twilio.taskrouter.task.unheard-of","time":1,"data":{"payload":{` + payload + `}}}`, "(other)"},
		{"unheard-of, of a reservation", `{"type":"com.twilio.taskrouter.reservation.unheard-of","time":1,"data":{"payload":{` + payload + `}}}`, "reservation.(other)"},
		{"unheard-of, of a worker", `{"type":"com.twilio.taskrouter.worker.unheard-of","time":1,"data":{"payload":{` + payload + `}}}`, "worker.(other)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := only(t, test.line).Kind.String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestEveryKindIsKnownByItsName(t *testing.T) {
	names := strings.Fields(`
		task.created task.updated task.canceled task.wrapup task.completed task.deleted task.system-deleted
		task.transfer-initiated task.transfer-attempt-failed task.transfer-failed task.transfer-canceled task.transfer-completed
		task-queue.entered task-queue.timeout task-queue.moved workflow.entered workflow.target-matched
		reservation.created reservation.accepted reservation.rejected reservation.timeout reservation.canceled reservation.rescinded
		reservation.failed reservation.wrapup reservation.completed worker.activity.update worker.deleted`)
	for _, name := range names {
		if got := only(t, envelope(name)).Kind.String(); got != name {
			t.Errorf("%s is read as %s", name, got)
		}
	}
}

func TestArraysHoldRecords(t *testing.T) {
	a, b := envelope("task.created", `sid="EVa"`), envelope("task.updated", `sid="EVb"`)
	tests := []struct {
		name, line string
		events     []string
		dropped    int
		refused    []refusal
	}{
		{"none", `[]`, nil, 0, nil},
		{"two", `[` + a + `,` + b + `]`, []string{"EVa", "EVb"}, 0, nil},
		{"blanks between", "[ " + a + " ,\t" + b + " ]", []string{"EVa", "EVb"}, 0, nil},
		{"what gives no event stands alone", `[7,` + a + `,` + testEvent + `,{},"x",[` + b + `]]`, []string{"EVa"}, 1, []refusal{
			{"not_an_object", `7`, 0, 0}, {"invalid_data", `{}`, 3, 0}, {"not_an_object", `"x"`, 4, 0}, {"not_an_object", `[` + b + `]`, 5, 0},
		}},
		{"what breaks it breaks the whole", `[` + a + `,]`, nil, 0, []refusal{{"invalid_json", `[` + a + `,]`, -1, 0}}},
		{"without end", `[` + a, nil, 0, []refusal{{"invalid_json", `[` + a, -1, 0}}},
		{"a value behind the end", `[` + a + `]` + b, []string{"EVa", "EVb"}, 0, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := find(test.line)
			var ids []string
			for _, e := range f.events {
				ids = append(ids, e.ID)
			}
			if d := cmp.Diff(test.events, ids); d != "" || f.dropped != test.dropped {
				t.Errorf("%d dropped, events %s", f.dropped, d)
			}
			if d := cmp.Diff(test.refused, f.refused, cmp.AllowUnexported(refusal{})); d != "" {
				t.Errorf("refused %s", d)
			}
		})
	}
}
