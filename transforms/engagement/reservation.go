package engagement

import "flexbeam/schemas/event"

// A reservation holds the events of one reservation, by what they say (contract, section 9: of several created, accepted or
// completed the first counts, of several wrapup the last).
type reservation struct {
	sid                                  string
	events                               []*event.Event
	created, accepted, wrapup, completed *event.Event
	ending                               *event.Event // the first of timeout, canceled, failed, rejected, rescinded
	outcome                              string       // of ending
}

// served tells whether an agent took it.
func (r *reservation) served() bool {
	return r.accepted != nil || r.wrapup != nil || r.completed != nil
}

// collect sorts the events of reservations into f.reservations, in the order in which reservations appear.
func (f *Folder) collect(events []*event.Event) {
	f.reservations = f.reservations[:0]
	for _, e := range events {
		sid := e.Text[event.ReservationSID]
		if !e.Kind.OfReservation() || sid == "" {
			continue
		}
		r := f.reservation(sid)
		r.events = append(r.events, e)
		switch e.Kind {
		case event.ReservationCreated:
			first(&r.created, e)
		case event.ReservationAccepted:
			first(&r.accepted, e)
		case event.ReservationWrapup:
			r.wrapup = e
		case event.ReservationCompleted:
			first(&r.completed, e)
		case event.ReservationTimeout, event.ReservationCanceled, event.ReservationFailed:
			r.end(e, Missed)
		case event.ReservationRejected:
			r.end(e, Rejected)
		case event.ReservationRescinded:
			r.end(e, Revoked)
		}
	}
}

func first(at **event.Event, e *event.Event) {
	if *at == nil {
		*at = e
	}
}

func (r *reservation) end(e *event.Event, outcome string) {
	if r.ending == nil {
		r.ending, r.outcome = e, outcome
	}
}

func (f *Folder) reservation(sid string) *reservation {
	for i := range f.reservations {
		if f.reservations[i].sid == sid {
			return &f.reservations[i]
		}
	}
	n := len(f.reservations)
	if n < cap(f.reservations) { // take over the memory of an earlier fold
		f.reservations = f.reservations[:n+1]
		f.reservations[n] = reservation{sid: sid, events: f.reservations[n].events[:0]}
	} else {
		f.reservations = append(f.reservations, reservation{sid: sid})
	}
	return &f.reservations[n]
}

// reservationRows makes the row of each reservation: agent or invitation, never both.
func (f *Folder) reservationRows(events []*event.Event) {
	for i := range f.reservations {
		r := &f.reservations[i]
		switch {
		case r.accepted != nil:
			f.agentRow(r, events)
		case r.served():
			f.corruptedRow(r, events)
		default:
			f.invitationRow(r, events)
		}
	}
}

// agentRow makes the row of an accepted reservation (rules 6 and 7).
func (f *Folder) agentRow(r *reservation, events []*event.Event) {
	s := newSpan(Agent, r.sid, r.accepted, r.accepted.Time)
	s.reservation = r
	f.endAgent(&s, r, events, r.accepted)
	to := s.end
	if r.wrapup != nil {
		to = r.wrapup.Time
		s.wrapUp = between(r.wrapup.Time, s.end)
	}
	s.engagement = between(s.start, to)
	if r.created != nil {
		s.invitation = between(r.created.Time, s.start)
	}
	s.wait = between(f.lastEntry(events, s.start), s.start)
	f.spans = append(f.spans, s)
}

// corruptedRow makes the row of a reservation that was never seen to be accepted but ended like one that was (rule 8).
func (f *Folder) corruptedRow(r *reservation, events []*event.Event) {
	s := newSpan(Agent, r.sid, r.events[0], r.events[0].Time)
	s.reservation = r
	f.endAgent(&s, r, events, r.events[0])
	s.status, s.inferred = Corrupted, true
	f.spans = append(f.spans, s)
}

// endAgent ends an agent row: by its completion, else by the first end of the task behind it (rule 6).
func (f *Folder) endAgent(s *span, r *reservation, events []*event.Event, start *event.Event) {
	if r.completed != nil {
		s.closing, s.end, s.status = r.completed, r.completed.Time, Completed
		return
	}
	e := taskEnd(events, start)
	if e == nil {
		return
	}
	s.closing, s.end, s.status, s.inferred = e, e.Time, Completed, true
	if e.Kind == event.TaskDeleted || e.Kind == event.TaskSystemDeleted {
		s.status = Corrupted
	}
}

// taskEnd returns the first event behind start that ends the task, nil when there is none.
func taskEnd(events []*event.Event, start *event.Event) *event.Event {
	for _, e := range events {
		switch e.Kind {
		case event.TaskCompleted, event.TaskCanceled, event.TaskDeleted, event.TaskSystemDeleted:
			if start.Before(e) {
				return e
			}
		}
	}
	return nil
}

// lastEntry returns when the customer last began to wait, at or before a time: event.None when that was not seen.
func (f *Folder) lastEntry(events []*event.Event, at int64) int64 {
	last := int64(event.None)
	if f.inferredEntry != event.None && f.inferredEntry <= at {
		last = f.inferredEntry
	}
	for _, e := range events {
		if e.Time > at {
			break
		}
		if e.Kind == event.QueueEntered || e.Kind == event.TransferInitiated {
			last = max(last, e.Time)
		}
	}
	return last
}

// invitationRow makes the row of a reservation that no agent took (rules 9 and 10).
func (f *Folder) invitationRow(r *reservation, events []*event.Event) {
	end, outcome, inferred := r.ending, r.outcome, false
	if end == nil {
		end, outcome, inferred = taskEnd(events, r.events[0]), Missed, true
	}
	if end == nil {
		return
	}
	opening, start := r.events[0], end.Time
	if r.created != nil {
		opening, start = r.created, r.created.Time
	} else {
		inferred = true
	}
	s := newSpan(Invitation, r.sid, opening, start)
	s.reservation = r
	s.closing, s.end, s.outcome, s.status, s.inferred = end, end.Time, outcome, Completed, inferred
	if r.created != nil {
		s.invitation = between(start, s.end)
	}
	f.spans = append(f.spans, s)
}
