package history

import (
	"maps"
	"slices"
)

// Start is second 0 of a history: 2026-03-02T08:00:00Z, in ms.
const Start = 1772438400000

// Account is the account of events that name no other.
const Account = "AC1"

// An Event is a TaskRouter event in short.
type Event struct {
	Kind    string // as in reservation.accepted
	ID      string
	Account string
	Time    int64          // ms since 1970
	Fields  map[string]any // of the payload, beyond those above
}

// At returns ms since 1970 from seconds since Start.
func At(seconds float64) int64 { return Start + int64(seconds*1000) }

// Text returns a field that is a string.
func (e Event) Text(field string) string {
	s, _ := e.Fields[field].(string)
	return s
}

// With returns the event with a field set anew.
func (e Event) With(field string, value any) Event {
	e.Fields = maps.Clone(e.Fields)
	if e.Fields == nil {
		e.Fields = map[string]any{}
	}
	e.Fields[field] = value
	return e
}

// Doubled returns every event twice.
func Doubled(events []Event) []Event {
	return append(slices.Clone(events), events...)
}
