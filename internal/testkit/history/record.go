package history

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A Form is a way in which a record wraps an event (contract, section 1).
type Form uint8

// The forms. All but REST are of Event Streams.
const (
	Object       Form = iota // data is an object
	String                   // data is a string, as on Kinesis
	DoubleString             // so is data.payload
	Attributes               // attributes are objects, where they are JSON objects at all
	Sparse                   // id, account and time stand in data alone, the time as a number; the kind in the payload
	Webhook                  // an array
	REST                     // an event of the REST log: every value of event_data is a string
	numForms
)

// Streamed are the forms of Event Streams.
var Streamed = []Form{Object, String, DoubleString, Attributes, Sparse, Webhook}

// Record returns the event as one record.
func (e Event) Record(f Form) []byte {
	if f == REST {
		return marshal(e.rest())
	}
	payload := map[string]any{"sid": e.ID, "eventtype": e.Kind, "account_sid": e.Account, "timestamp": stamp(e.Time)}
	for k, v := range e.Fields {
		payload[k] = v
	}
	data := map[string]any{"sid": e.ID, "account_sid": e.Account, "timestamp": stamp(e.Time), "name": "Event", "payload": payload}
	envelope := map[string]any{
		"specversion": "1.0", "type": "com.twilio.taskrouter." + e.Kind, "id": "EZ" + e.ID, "time": stamp(e.Time + 700), "data": data,
	}
	switch f {
	case String:
		envelope["data"] = string(marshal(data))
	case DoubleString:
		data["payload"] = string(marshal(payload))
		envelope["data"] = string(marshal(data))
	case Attributes:
		for _, k := range []string{"task_attributes", "worker_attributes"} {
			if s, ok := payload[k].(string); ok && json.Valid([]byte(s)) {
				payload[k] = json.RawMessage(s)
			}
		}
	case Sparse:
		for _, k := range []string{"sid", "account_sid", "timestamp"} {
			delete(payload, k)
		}
		delete(envelope, "type")
		data["timestamp"] = e.Time
	case Webhook:
		return Array(marshal(envelope))
	}
	return marshal(envelope)
}

func (e Event) rest() map[string]any {
	data := map[string]any{}
	for k, v := range e.Fields {
		switch x := v.(type) {
		case nil, string, []any:
			data[k] = v
		default:
			data[k] = strings.Trim(string(marshal(x)), `"`)
		}
	}
	kind := e.Kind
	if kind == "worker.activity.update" {
		kind = "worker.activity"
	}
	return map[string]any{
		"sid": e.ID, "account_sid": e.Account, "event_type": kind, "event_date_ms": e.Time, "event_date": "2015-02-07T00:32:41Z",
		"event_data": data, "description": "as the REST log tells it",
	}
}

// Array returns records as one array.
func Array(records ...[]byte) []byte {
	var b strings.Builder
	for i, r := range records {
		b.WriteByte("[,"[min(i, 1)])
		b.Write(r)
	}
	b.WriteByte(']')
	return []byte(b.String())
}

// Lines returns the events as lines, in the form that form gives for each. Events in a row that are
// in Webhook form share an array, up to three.
func Lines(events []Event, form func(i int) Form) [][]byte {
	var lines, elements [][]byte
	end := func() {
		if len(elements) > 0 {
			lines = append(lines, Array(elements...))
			elements = nil
		}
	}
	for i, e := range events {
		f := form(i)
		if f == Webhook {
			if elements = append(elements, e.Record(Object)); len(elements) == 3 {
				end()
			}
			continue
		}
		end()
		lines = append(lines, e.Record(f))
	}
	end()
	return lines
}

// All is a form for Lines: the same for every event.
func All(f Form) func(int) Form { return func(int) Form { return f } }

// Mixed is a form for Lines: all of the forms in turn.
func Mixed(i int) Form { return Form(i % int(numForms)) }

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("history: %v", err))
	}
	return b
}
