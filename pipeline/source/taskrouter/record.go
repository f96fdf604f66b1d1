package taskrouter

import (
	"bytes"
	"encoding/json"
	"strings"

	taskrouter "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// records are events as a record.Batch holds them: their texts on lines, where each ends, and their
// SIDs.
type records struct {
	data []byte
	ends []int64
	sids []string
}

// add adds an event.
func (r *records) add(e *taskrouter.TaskrouterV1Event) error {
	if e.EventData != nil {
		if data, ok := (*e.EventData).(map[string]any); ok {
			leaveOutWithheld(data)
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return err
	}
	sid := ""
	if e.Sid != nil {
		sid = *e.Sid
	}
	r.data = append(r.data, b.Bytes()...)
	r.ends, r.sids = append(r.ends, int64(len(r.data))), append(r.sids, sid)
	return nil
}

// without returns the records whose SIDs are not among those that were given before, and adds these.
func (r records) without(given map[string]bool) (rest records) {
	start := int64(0)
	for i, end := range r.ends {
		if sid := r.sids[i]; sid == "" || !given[sid] {
			given[sid] = true
			rest.data = append(rest.data, r.data[start:end]...)
			rest.ends, rest.sids = append(rest.ends, int64(len(rest.data))), append(rest.sids, sid)
		}
		start = end
	}
	return rest
}

// leaveOutWithheld takes attributes out of the data of an event which are empty, or no longer shown.
// What Twilio shows in their place is not published: whatever is no object is none.
func leaveOutWithheld(data map[string]any) {
	for _, name := range []string{"task_attributes", "worker_attributes"} {
		switch v := data[name].(type) {
		case nil:
			delete(data, name)
		case map[string]any:
			if len(v) == 0 {
				delete(data, name)
			}
		case string:
			object := strings.TrimSpace(v)
			if !strings.HasPrefix(object, "{") || strings.Join(strings.Fields(object), "") == "{}" {
				delete(data, name)
			}
		}
	}
}

// readRecords makes records of texts on lines.
func readRecords(data []byte) (records, error) {
	r := records{data: data}
	for start := 0; start < len(data); {
		end := len(data)
		if i := bytes.IndexByte(data[start:], '\n'); i >= 0 {
			end = start + i + 1
		}
		var e struct {
			SID string `json:"sid"`
		}
		if err := json.Unmarshal(data[start:end], &e); err != nil {
			return records{}, err
		}
		r.ends, r.sids = append(r.ends, int64(end)), append(r.sids, e.SID)
		start = end
	}
	return r, nil
}

// A mention is what an event is about.
type mention struct {
	Kind string `json:"event_type"`
	Data struct {
		Task   string `json:"task_sid"`
		Worker string `json:"worker_sid"`
	} `json:"event_data"`
}

// each calls f with what each record is about.
func (r records) each(f func(m *mention)) {
	start := int64(0)
	for _, end := range r.ends {
		var m mention
		if json.Unmarshal(r.data[start:end], &m) == nil {
			f(&m)
		}
		start = end
	}
}
