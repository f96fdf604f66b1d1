package engagement

import "flexbeam/schemas/event"

// A span is an engagement before its shared values are filled in.
type span struct {
	kind    string // engagement_type
	id      string // engagement_id
	status  string
	outcome string
	opening *event.Event // the event that opened it
	closing *event.Event // the event that closed it, nil while open
	start   event.Millis
	end     event.Millis // event.None while open

	engagement, wrapUp, invitation, wait event.Millis // event.None for null

	reservation *reservation // of agent and invitation rows
	from        *reservation // of a queue row that its taking-away opened
	transfer    bool         // a queue row that a transfer opened: of the queue that it went to
	inferred    bool
	everything  bool // takes the overlay of everything (rule 11)
}

// The values of engagement_type.
const (
	Agent      = "Agent"
	Queue      = "Queue"
	Invitation = "Invitation"
)

// The values of status.
const (
	Completed  = "Completed"
	InProgress = "In Progress"
	Corrupted  = "Corrupted"
)

// The values of outcome_type.
const (
	Accepted     = "Accepted"
	Moved        = "Moved"
	CustomerLeft = "Customer Left"
	Canceled     = "Canceled"
	Deleted      = "Deleted"
	Missed       = "Missed"
	Rejected     = "Rejected"
	Revoked      = "Revoked"
)

func newSpan(kind, id string, opening *event.Event, start event.Millis) span {
	return span{
		kind: kind, id: id, status: InProgress, opening: opening, start: start, end: event.None,
		engagement: event.None, wrapUp: event.None, invitation: event.None, wait: event.None,
	}
}

func (s *span) open() bool { return s.end == event.None }

// between returns the time from a to b, 0 when it would be negative, event.None when one is unknown
// (rule 7).
func between(a, b event.Millis) event.Millis {
	if a == event.None || b == event.None {
		return event.None
	}
	return max(0, b-a)
}
