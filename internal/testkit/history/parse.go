package history

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// kinds are short names of kinds.
var kinds = map[string]string{
	"entered": "task-queue.entered", "moved": "task-queue.moved",
	"created": "reservation.created", "accepted": "reservation.accepted", "rejected": "reservation.rejected",
	"timeout": "reservation.timeout", "canceled": "reservation.canceled", "rescinded": "reservation.rescinded",
	"failed": "reservation.failed", "wrapup": "reservation.wrapup", "completed": "reservation.completed",
	"initiated": "task.transfer-initiated", "activity": "worker.activity.update", "deleted": "worker.deleted",
}

// fields are short names of fields. Those that end in a * take seconds since Start, or a clock time.
var fields = map[string]string{
	"queue": "task_queue_name", "since": "task_queue_entered_date*", "channel": "task_channel_unique_name",
	"ta": "task_attributes", "wa": "worker_attributes", "name": "worker_name",
	"to": "transfer_to", "type": "transfer_type",
	"was": "worker_previous_activity_name", "now": "worker_activity_name", "for": "worker_time_in_previous_activity",
	"ms": "worker_time_in_previous_activity_ms", "available": "worker_available",
}

// sids are the fields that a bare SID sets, by its prefix.
var sids = map[string]string{"WT": "task_sid", "WR": "reservation_sid", "WK": "worker_sid", "WQ": "task_queue_sid"}

// Parse reads a history, an event a line: a time in seconds since Start or as hh:mm[:ss], a kind,
// then SIDs and fields. SIDs go to the fields that their prefixes name, AC… and EV… to account and
// id. A field is name=value; the value is a word or JSON, that of attributes is kept as text. A
// name alone with a minus before it takes away what goes without saying: task WT1, reservation WR1,
// worker WK1, or WKn for reservation WRn; reservation.failed has no worker. The id is EV and the
// number of the line. Parse panics on anything else: histories are written in tests.
func Parse(text string) []Event {
	var events []Event
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		e, err := parse(line, len(events)+1)
		if err != nil {
			panic(fmt.Sprintf("history: line %d: %q: %v", n+1, line, err))
		}
		events = append(events, e)
	}
	return events
}

func parse(line string, number int) (Event, error) {
	when, rest, _ := strings.Cut(line, " ")
	e := Event{Account: Account, ID: fmt.Sprintf("EV%02d", number), Fields: map[string]any{}}
	var err error
	if e.Time, err = moment(when); err != nil {
		return e, err
	}
	kind, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if e.Kind = kinds[kind]; e.Kind == "" {
		if e.Kind = kind; !strings.Contains(kind, ".") {
			return e, fmt.Errorf("unknown kind %q", kind)
		}
	}
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		if rest, err = e.word(rest); err != nil {
			return e, err
		}
	}
	e.defaults()
	for k, v := range e.Fields {
		if v == absent {
			delete(e.Fields, k)
		}
	}
	return e, nil
}

// absent marks a field that is to be missing.
const absent = "(absent)"

// word reads a SID or a field and returns what follows.
func (e *Event) word(s string) (rest string, _ error) {
	end := strings.IndexAny(s, " =")
	if end < 0 || s[end] == ' ' {
		word, rest, _ := strings.Cut(s, " ")
		return rest, e.bare(word)
	}
	name, s := s[:end], s[end+1:]
	if f := fields[name]; f != "" {
		name = f
	}
	value := s
	if s != "" && strings.ContainsRune(`{["`, rune(s[0])) {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			return "", err
		}
		value, rest = s[:d.InputOffset()], s[d.InputOffset():]
		if _, text := v.(string); text || !strings.HasSuffix(name, "attributes") {
			e.Fields[name] = v
		} else {
			e.Fields[name] = value
		}
		return rest, nil
	}
	value, rest, _ = strings.Cut(s, " ")
	if field, ok := strings.CutSuffix(name, "*"); ok {
		ms, err := moment(value)
		e.Fields[field] = stamp(ms)
		return rest, err
	}
	var v any
	if d := json.NewDecoder(strings.NewReader(value)); true {
		d.UseNumber()
		if d.Decode(&v) != nil || int(d.InputOffset()) != len(value) {
			v = value
		}
	}
	e.Fields[name] = v
	return rest, nil
}

func (e *Event) bare(word string) error {
	if name, ok := strings.CutPrefix(word, "-"); ok {
		if f := fields[name]; f != "" {
			name = f
		}
		e.Fields[name] = absent
		return nil
	}
	switch {
	case strings.HasPrefix(word, "AC"):
		e.Account = word
	case strings.HasPrefix(word, "EV"):
		e.ID = word
	case len(word) > 2 && sids[word[:2]] != "":
		e.Fields[sids[word[:2]]] = word
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

// defaults adds what goes without saying.
func (e *Event) defaults() {
	group, _, _ := strings.Cut(e.Kind, ".")
	set := func(field, value string) {
		if _, ok := e.Fields[field]; !ok {
			e.Fields[field] = value
		}
	}
	switch group {
	case "task", "workflow", "task-queue":
		set("task_sid", "WT1")
	case "reservation":
		set("task_sid", "WT1")
		set("reservation_sid", "WR1")
		if e.Kind != "reservation.failed" {
			set("worker_sid", "WK"+strings.TrimPrefix(e.Text("reservation_sid"), "WR"))
		}
	case "worker":
		set("worker_sid", "WK1")
	}
}

// moment reads seconds since Start, or a clock time of Start's day.
func moment(s string) (int64, error) {
	if !strings.Contains(s, ":") {
		f, err := strconv.ParseFloat(s, 64)
		return At(f), err
	}
	const midnight = Start - 8*60*60*1000
	ms, unit := 0.0, 3600.0*1000
	for _, part := range strings.Split(s, ":") {
		f, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return 0, err
		}
		ms += f * unit
		unit /= 60
	}
	return midnight + int64(ms), nil
}
