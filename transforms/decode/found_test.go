package decode_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"flexbeam/schemas/event"
	"flexbeam/transforms/decode"
)

// found is what a decoder finds in lines.
type found struct {
	events  []event.Event
	dropped int
	refused []refusal

	payloads []map[string]any // of the events, by the reference
}

type refusal struct {
	class decode.Class
	text  string
	index int
	value int
}

func (f *found) Event(e *event.Event) { f.events = append(f.events, *e) }
func (f *found) Dropped()             { f.dropped++ }
func (f *found) Refused(err *decode.Error, text []byte, at decode.Spot) {
	f.refused = append(f.refused, refusal{err.Class, string(text), at.Index, at.Value})
}

// find decodes lines.
func find(lines ...string) *found {
	f := new(found)
	d := decode.New()
	for _, l := range lines {
		d.Line([]byte(l), f)
	}
	return f
}

// only returns the event of a line that has no other.
func only(t *testing.T, line string) event.Event {
	t.Helper()
	f := find(line)
	if len(f.events) != 1 || f.dropped+len(f.refused) != 0 {
		t.Fatalf("%.200s:\n%d events, %d dropped, refused %v", line, len(f.events), f.dropped, f.refused)
	}
	return f.events[0]
}

// envelope is a record of an event: fields of the payload, as JSON, replace those that go without
// saying, or take them away where they are empty.
func envelope(kind string, payload ...string) string {
	fields := []struct{ name, value string }{
		{"sid", `"EV1"`}, {"account_sid", `"AC1"`}, {"timestamp", `"2026-03-02T08:00:00.000Z"`},
		{"task_sid", `"WT1"`}, {"reservation_sid", `"WR1"`}, {"worker_sid", `"WK1"`},
	}
	var b strings.Builder
	b.WriteString(`{"specversion":"1.0","type":"com.twilio.taskrouter.` + kind + `","id":"EZ1","time":"2026-03-02T09:00:00.000Z","data":{"payload":{`)
	for _, f := range fields {
		for _, p := range payload {
			if name, value, _ := strings.Cut(p, "="); name == f.name {
				f.value = value
			}
		}
		if f.value != "" {
			b.WriteString(`"` + f.name + `":` + f.value + `,`)
		}
	}
	for _, p := range payload {
		name, value, _ := strings.Cut(p, "=")
		known := false
		for _, f := range fields {
			known = known || f.name == name
		}
		if !known {
			b.WriteString(`"` + name + `":` + value + `,`)
		}
	}
	return b.String() + `"task_age":1}}}`
}

// bad returns how many attributes of a line are counted as unparsable.
func bad(line string) int64 {
	d := decode.New()
	d.Line([]byte(line), new(found))
	return d.BadAttr
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// quoted returns a text as a JSON string.
func quoted(s string) string {
	b, err := json.Marshal(s)
	must(err)
	return string(b)
}
