package engagement

import (
	"strconv"
	"strings"
	"unicode"

	"flexbeam/schemas/event"
)

// queueRows walks the events for the stays in queues (rules 1 to 5 and 7). The agent rows stand in
// f.spans already.
func (f *Folder) queueRows(task string, events []*event.Event) {
	served := f.served()
	first := len(f.spans)
	open := -1 // index of the open row
	provisional := false
	taken := f.taken
	for _, e := range events {
		if len(taken) > 0 && f.spans[taken[0]].closing == e {
			s := &f.spans[taken[0]]
			taken = taken[1:]
			if f.takenAway(task, s, events, open) {
				open, provisional = len(f.spans)-1, true
			}
			continue
		}
		switch e.Kind {
		case event.QueueEntered: // rule 1
			if open >= 0 && provisional {
				f.spans = f.spans[:open]
			} else if open >= 0 {
				f.closeQueue(open, e, Moved)
			}
			open, provisional = len(f.spans), false
			f.spans = append(f.spans, newSpan(Queue, task+":"+e.ID, e, e.Time))
		case event.TransferInitiated: // rule 2
			if open < 0 && toQueue(e) {
				open, provisional = len(f.spans), true
				s := newSpan(Queue, task+":"+e.ID, e, e.Time)
				s.transfer, s.inferred = true, true
				f.spans = append(f.spans, s)
			}
		default:
			outcome := f.queueOutcome(e, served) // rule 3
			if outcome == "" {
				continue
			}
			if open >= 0 {
				f.closeQueue(open, e, outcome)
				open = -1
			} else if len(f.spans) == first && !ofTransfer(e.Kind) && (e.Kind.OfReservation() || !served) {
				f.inferQueue(task, e, outcome)
			}
		}
	}
}

// takenAway looks at the customer of an agent row that a taking-away ended (rule 7). If nobody else
// is there for the customer, the wait begins anew. If the events behind it tell of that wait,
// takenAway opens a provisional row and returns true. open is the index of the queue row that is
// open, -1 without one.
func (f *Folder) takenAway(task string, s *span, events []*event.Event, open int) bool {
	e, r := s.closing, s.reservation
	if f.agentAt(e, r) {
		return false
	}
	if open < 0 || f.spans[open].from != nil {
		f.entries = append(f.entries, e)
	}
	if open >= 0 || !waitsAgain(e, events) {
		return false
	}
	row := newSpan(Queue, task+":"+e.ID, e, e.Time)
	row.from, row.inferred = r, true
	f.spans = append(f.spans, row)
	return true
}

// agentAt tells whether an agent row of another reservation is open at an event.
func (f *Folder) agentAt(e *event.Event, r *reservation) bool {
	for i := range f.spans {
		s := &f.spans[i]
		if s.kind == Agent && s.reservation != r && s.opening.Before(e) && (s.closing == nil || e.Before(s.closing)) {
			return true
		}
	}
	return false
}

// waitsAgain tells whether, behind the taking-away of a reservation and before the task ends, the
// task enters a queue or is offered or given to another agent.
func waitsAgain(taking *event.Event, events []*event.Event) bool {
	for _, e := range events {
		if !taking.Before(e) {
			continue
		}
		switch e.Kind {
		case event.QueueEntered:
			return true
		case event.ReservationCreated, event.ReservationAccepted:
			if e.Text[event.ReservationSID] != taking.Text[event.ReservationSID] {
				return true
			}
		}
		if e.Kind.EndsTask() {
			return false
		}
	}
	return false
}

func (f *Folder) closeQueue(i int, e *event.Event, outcome string) {
	s := &f.spans[i]
	s.closing, s.end, s.outcome, s.status = e, e.Time, outcome, Completed
	s.wait = between(s.start, s.end)
}

// inferQueue makes the row of a queue whose entry was not seen. It takes it from the event that
// ended the stay (rule 4).
func (f *Folder) inferQueue(task string, e *event.Event, outcome string) {
	sid := e.Text[event.QueueSID]
	if sid == "" || e.QueueEnteredAt == event.None {
		return
	}
	s := newSpan(Queue, task+":"+sid+"@"+strconv.FormatInt(int64(e.QueueEnteredAt), 10), e, e.QueueEnteredAt)
	s.inferred = true
	f.spans = append(f.spans, s)
	f.closeQueue(len(f.spans)-1, e, outcome)
	f.inferred = e
}

// toQueue tells whether a transfer goes to a queue (contract, section 9).
func toQueue(e *event.Event) bool {
	if t := e.Text[event.TransferType]; t != "" {
		return strings.EqualFold(t, "QUEUE")
	}
	return strings.HasPrefix(e.Text[event.TransferTo], "WQ")
}

func ofTransfer(k event.Kind) bool { return k == event.TransferFailed || k == event.TransferCanceled }

// queueOutcome returns how an event ends a stay in a queue, empty when it does not (rule 3). served
// tells whether an agent ever took the task.
func (f *Folder) queueOutcome(e *event.Event, served bool) string {
	switch e.Kind {
	case event.ReservationAccepted:
		return Accepted
	case event.TaskCanceled:
		if !served && f.all.True(abandonedID) {
			return CustomerLeft
		}
		return f.left(e, event.CanceledReason)
	case event.TaskCompleted:
		if !served && f.all.True(abandonedID) {
			return CustomerLeft
		}
		return Canceled
	case event.TransferFailed:
		return f.left(e, event.TransferFailedReason)
	case event.TaskDeleted, event.TaskSystemDeleted:
		return Deleted
	case event.TransferCanceled:
		return Canceled
	}
	return ""
}

func (f *Folder) left(e *event.Event, own event.Field) string {
	reason := e.Text[own]
	if reason == "" {
		reason = e.Text[event.Reason]
	}
	if f.leftReasons[Letters(reason)] {
		return CustomerLeft
	}
	return Canceled
}

// Letters returns the letters and decimal digits of a text in lower case. Words that people type
// are compared by them (contract, section 9).
func Letters(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s))
}
