package decode_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
)

// seeds are lines of every form, and lines that break in every way that a test names.
func seeds() []string {
	lines := []string{
		testEvent, documented, rest, kinesis, "[" + documented + "," + rest + ", 7]", "", " ", "[]", "{}", "[{}", "null", "\xff", `{"type":"com.twilio.taskrouter.x"}`,
		`{"event_type":"task.created","event_data":"{\"task_sid\":1e2}","sid":{},"account_sid":["a","b"],"event_date_ms":1e12}`,
		`{"data":{"payload":{"eventtype":"com.twilio.taskrouter.worker.activity","worker_sid":true,"account_sid":0,"timestamp":"2026-03-02 08:00,5+0130"}}}`,
		`{"data":"{\"payload\":\"{\\\"eventtype\\\":\\\"worker.x\\\",\\\"worker_sid\\\":\\\"WK\\\"}\",\"account_sid\":\"A\",\"timestamp\":\"1772438400.4129\"}","data":null}`,
		envelope("task.updated", `timestamp=1e400`, `task_attributes={"from":[1,[2,"a"],{"b":3}],"conversations":{"case":1e3,"case":null},"conversations":"x"}`),
		envelope("worker.activity.update", `worker_available="TRUE"`, `worker_time_in_previous_activity="12.5"`, `worker_attributes="{\"roles\":[\"a\",[],\"\"],\"team\":{}}"`),
	}
	one, two := envelope("task.created", `sid="EVa"`), envelope("task.updated", `sid="EVb"`)
	base := base64.StdEncoding.EncodeToString([]byte(`{"payload":{"account_sid":"AC1","task_sid":"WT1","timestamp":5}}`))
	lines = append(lines,
		one+two, one+" \u00a0\ufeff"+two+"x", "["+one+"]["+two+",]"+one, "\ufeff"+one+"\ufeff", one+"{\"\xff\":1}"+two, "1 2[]-0.5e3true\"\"null 01", "[1]]",
		`{"meta":{"key":"events"},"events":[`+rest+`,7,{"events":[],"meta":{}}]}`+one, `{"events":[],"meta":{}}`, `{"events":[1,],"meta":{}}`, `{"events":{},"meta":{}}`, `{"Events":[],"meta":{},"events":null}`,
		`{"accountSid":"AC1","workspaceSid":"WS1","eventType":"task.created","eventDateMs":1772438400000,"eventData":{"task_sid":"WT1","taskSid":"no"},"sid":"EV1"}`,
		`{"event_type":null,"eventType":"task.created","account_sid":"AC1","accountSid":"AC2","event_data":null,"eventData":"{\"task_sid\":\"WT1\"}","eventDateMs":"7"}`,
		`{"type":"com.twilio.taskrouter.task.created","id":"EZ1","data_base64":"`+base+`"}`, `{"data":null,"data_base64":"`+strings.TrimRight(base, "=")+`","type":"com.twilio.taskrouter.x"}`,
		`{"data_base64":"!"}`, `{"data_base64":"/w=="}`, `{"data_base64":[]}`, `{"data_base64":null}`, `{"data_base64":"`+base+`","data":{}}`,
		"EventType=task.created&AccountSid=AC1", "a=b&TaskSid=1", "a=b", `"EventType=x"`, `["TaskSid=&"]`, base, base+"\t"+base, `"`+base+`"`, `["H4sIAAAAAAAAA6uuBQBDv6ajAgAAAA=="]`,
		`{"Records":[{"kinesis":{}}]}`, `{"Records":[]}`, `{"Records":{}}`, `{"records":[{"data":"x"}]}`, `{"records":[1]}`, `{"kinesis":{}}`, `{"Data":"x","SequenceNumber":"1"}`,
		`{"body":"x","requestContext":{}}`, `{"detail":{},"detail-type":""}`, `{"Records":[],"type":"com.twilio.taskrouter.x"}`, `{"payload":{}}`, `{"type":"","Records":[]}`,
		"{\x00\"\x00a\x00\"\x00", "\xff\xfe{\x00", "{'a': 1}", "<html>", "\x1f\x8b\x08",
	)
	for _, e := range history.Parse(`
		0  accepted WQ1 since=1 ta={"from":"+1","customers":{"phone":" "}} wa={"roles":["agent"]}
		1  activity was=Break now=Lunch ms=1500 available=1
		2  task.canceled task_canceled_reason=hangup`) {
		for f := history.Object; f <= history.REST; f++ {
			lines = append(lines, string(e.Record(f)))
		}
	}
	return lines
}

// FuzzDecodesAsEncodingJSONWould decodes lines and compares what is found with what the reference
// finds.
func FuzzDecodesAsEncodingJSONWould(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		want, got := decodeByReference(line), find(string(line))
		if want.dropped != got.dropped {
			t.Fatalf("%q: %d dropped, want %d", line, got.dropped, want.dropped)
		}
		if d := cmp.Diff(want.refused, got.refused, cmp.AllowUnexported(refusal{})); d != "" {
			t.Fatalf("%q: refused (-want +got):\n%s", line, d)
		}
		if len(want.events) != len(got.events) {
			t.Fatalf("%q: %d events, want %d", line, len(got.events), len(want.events))
		}
		for i := range got.events {
			g := &got.events[i]
			for field, s := range map[string]struct {
				has bool
				of  attribute.Snapshot
			}{"task_attributes": {g.HasTaskAttributes, g.TaskAttributes}, "worker_attributes": {g.HasWorkerAttrs, g.WorkerAttributes}} {
				values, has := attributesByReference(trees[field], want.payloads[i][field])
				if has != s.has {
					t.Fatalf("%q: %s parsable: %v, want %v", line, field, s.has, has)
				}
				if d := cmp.Diff(values, attributesOf(trees[field], s.of)); has && d != "" {
					t.Fatalf("%q: %s (-want +got):\n%s", line, field, d)
				}
			}
			g.HasTaskAttributes, g.HasWorkerAttrs, g.TaskAttributes, g.WorkerAttributes = false, false, "", ""
			if d := cmp.Diff(want.events[i], *g); d != "" {
				t.Fatalf("%q: event %d (-want +got):\n%s", line, i, d)
			}
			if g.Time == event.None || g.ID == "" || g.Text[event.AccountSID] == "" {
				t.Fatalf("%q: an event without time, id or account", line)
			}
		}
	})
}

// FuzzPayload puts a fuzzed payload and fuzzed attributes into every form of record.
func FuzzPayload(f *testing.F) {
	f.Add(`"reason":"hangup"`, `{"from":"+1"}`)
	f.Add(`"task_queue_entered_date":"2026-03-02T08:00:00.412+02:00","timestamp":1772438400`, `{"conversations":{"fact_01":"1e3","media":[{"type":"VoiceRecording"}]}}`)
	f.Add(`"worker_time_in_previous_activity_ms":-5,"worker_available":[true]`, `{"customers":{"phone":[" +1 ",null,2e1]},"customers":{}}`)
	f.Add(`"task_channel_unique_name":"\ud83d\u00a0","timestamp":"9999-12-31T23:59:59.999-01:00"`, ` {"a":{"b":[[[]]]}} `)
	f.Fuzz(func(t *testing.T, payload, attributes string) {
		check := func(line string) {
			if len(line) > 1<<16 {
				return
			}
			want, got := decodeByReference([]byte(line)), find(line)
			if len(want.events) != len(got.events) || len(want.refused) != len(got.refused) {
				t.Fatalf("%q: events %d, want %d; refused %v, want %v", line, len(got.events), len(want.events), got.refused, want.refused)
			}
			for i := range got.events {
				g := got.events[i]
				values, has := attributesByReference(trees["task_attributes"], want.payloads[i]["task_attributes"])
				if d := cmp.Diff(values, attributesOf(trees["task_attributes"], g.TaskAttributes)); has != g.HasTaskAttributes || has && d != "" {
					t.Fatalf("%q: attributes (-want +got):\n%s", line, d)
				}
				g.HasTaskAttributes, g.HasWorkerAttrs, g.TaskAttributes, g.WorkerAttributes = false, false, "", ""
				if d := cmp.Diff(want.events[i], g); d != "" {
					t.Fatalf("%q (-want +got):\n%s", line, d)
				}
			}
		}
		body := `"account_sid":"AC1","task_sid":"WT1","timestamp":"2026-03-02T08:00:00Z","task_attributes":` + attributes + `,` + payload
		check(`{"type":"com.twilio.taskrouter.task.updated","data":{"payload":{` + body + `}}}`)
		check(`{"account_sid":"AC1","event_type":"task.updated","event_date_ms":5,"event_data":{` + body + `}}`)
		e := history.Parse(`0 task.updated`)[0].With("task_attributes", attributes).With("reason", payload).With("timestamp", payload)
		for form := history.Object; form <= history.REST; form++ {
			check(string(e.Record(form)))
		}
	})
}
