package engagement

import (
	"strconv"
	"strings"

	"flexbeam/schemas/event"
)

// queueRows walks the events for the stays in queues (rules 1 to 5).
func (f *Folder) queueRows(task string, events []*event.Event) {
	served := false // some reservation was accepted, wrapped up or completed
	for i := range f.reservations {
		served = served || f.reservations[i].served()
	}
	open := -1 // index of the open row
	provisional := false
	first := len(f.spans)
	for _, e := range events {
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
			outcome := queueOutcome(e) // rule 3
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

func (f *Folder) closeQueue(i int, e *event.Event, outcome string) {
	s := &f.spans[i]
	s.closing, s.end, s.outcome, s.status = e, e.Time, outcome, Completed
	s.wait = between(s.start, s.end)
}

// inferQueue makes the row of a queue whose entry was not seen, from the event that ended it (rule 4).
func (f *Folder) inferQueue(task string, e *event.Event, outcome string) {
	sid := e.Text[event.QueueSID]
	if sid == "" || e.QueueEnteredAt == event.None {
		return
	}
	s := newSpan(Queue, task+":"+sid+"@"+strconv.FormatInt(e.QueueEnteredAt, 10), e, e.QueueEnteredAt)
	s.inferred = true
	f.spans = append(f.spans, s)
	f.closeQueue(len(f.spans)-1, e, outcome)
	f.inferredEntry = e.QueueEnteredAt
}

// toQueue tells whether a transfer goes to a queue (contract, section 9).
func toQueue(e *event.Event) bool {
	if t := e.Text[event.TransferType]; t != "" {
		return strings.EqualFold(t, "QUEUE")
	}
	return strings.HasPrefix(e.Text[event.TransferTo], "WQ")
}

func ofTransfer(k event.Kind) bool { return k == event.TransferFailed || k == event.TransferCanceled }

// queueOutcome returns how an event ends a stay in a queue, empty when it does not (rule 3).
func queueOutcome(e *event.Event) string {
	switch e.Kind {
	case event.ReservationAccepted:
		return Accepted
	case event.TaskCanceled:
		return left(e, event.CanceledReason)
	case event.TransferFailed:
		return left(e, event.TransferFailedReason)
	case event.TaskDeleted, event.TaskSystemDeleted:
		return Deleted
	case event.TaskCompleted, event.TransferCanceled:
		return Canceled
	}
	return ""
}

func left(e *event.Event, f event.Field) string {
	reason := e.Text[f]
	if reason == "" {
		reason = e.Text[event.Reason]
	}
	if strings.EqualFold(reason, "hangup") {
		return CustomerLeft
	}
	return Canceled
}
