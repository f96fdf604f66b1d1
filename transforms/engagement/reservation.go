package engagement

import (
	"slices"

	"flexbeam/schemas/event"
)

// A reservation holds the events of one reservation, by what they say. Of several created, accepted
// or completed events the first counts, of several wrapup events the last (contract, section 9).
type reservation struct {
	sid                                  string
	events                               []*event.Event
	created, accepted, wrapup, completed *event.Event
	ending                               *event.Event // first timeout, canceled, failed, rejected, rescinded
	outcome                              string       // of ending
	// taking is the first of these events behind accepted, else behind the first wrapup (rule 6).
	taking *event.Event
}

// served tells whether an agent took it.
func (r *reservation) served() bool {
	return r.accepted != nil || r.wrapup != nil || r.completed != nil
}

// served tells whether an agent took the task: whether a reservation was accepted, wrapped up or
// completed.
func (f *Folder) served() bool {
	for i := range f.reservations {
		if f.reservations[i].served() {
			return true
		}
	}
	return false
}

// collect sorts the events of reservations into f.reservations, in the order in which reservations
// appear.
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
	for i := range f.reservations {
		f.reservations[i].findTaking()
	}
}

// findTaking finds the event that takes the reservation away from the agent who had it.
func (r *reservation) findTaking() {
	had := r.accepted
	for _, e := range r.events {
		switch e.Kind {
		case event.ReservationWrapup:
			if r.accepted == nil {
				first(&had, e)
			}
		case event.ReservationTimeout, event.ReservationCanceled, event.ReservationFailed, event.ReservationRejected, event.ReservationRescinded:
			if had != nil && had.Before(e) {
				r.taking = e
				return
			}
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

// reservationRows makes the row of each reservation: agent or invitation, never both. The wait of
// agents is not known yet.
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
	slices.SortFunc(f.taken, func(i, j int) int { return event.Compare(f.spans[i].closing, f.spans[j].closing) })
}

// agentRow makes the row of an accepted reservation (rules 6 and 7).
func (f *Folder) agentRow(r *reservation, events []*event.Event) {
	s := newSpan(Agent, r.sid, r.accepted, r.accepted.Time)
	s.reservation = r
	f.endAgent(&s, r, events, r.accepted)
	to := s.end
	if w := r.lastWrapup(&s); w != nil {
		to = w.Time
		s.wrapUp = between(w.Time, s.end)
	}
	s.engagement = between(s.start, to)
	if r.created != nil {
		s.invitation = between(r.created.Time, s.start)
	}
	f.spans = append(f.spans, s)
}

// lastWrapup returns the wrapup that counts: the last one that does not lie behind the taking-away
// that ended the row.
func (r *reservation) lastWrapup(s *span) *event.Event {
	if r.wrapup == nil || s.closing == nil || s.closing != r.taking || r.wrapup.Before(s.closing) {
		return r.wrapup
	}
	var last *event.Event
	for _, e := range r.events {
		if e.Kind == event.ReservationWrapup && e.Before(s.closing) {
			last = e
		}
	}
	return last
}

// corruptedRow makes the row of a reservation that ended like an accepted one, though nothing tells
// that it was accepted (rule 8).
func (f *Folder) corruptedRow(r *reservation, events []*event.Event) {
	s := newSpan(Agent, r.sid, r.events[0], r.events[0].Time)
	s.reservation = r
	f.endAgent(&s, r, events, r.events[0])
	s.status, s.inferred = Corrupted, true
	f.spans = append(f.spans, s)
}

// endAgent ends an agent row: by its completion or its taking-away, whichever comes first, else by
// the first end of the task behind it (rule 6).
func (f *Folder) endAgent(s *span, r *reservation, events []*event.Event, start *event.Event) {
	e := r.completed
	if r.taking != nil && (e == nil || r.taking.Before(e)) {
		e = r.taking
		f.taken = append(f.taken, len(f.spans))
	}
	if e != nil {
		s.closing, s.end, s.status = e, e.Time, Completed
		return
	}
	if e = taskEnd(events, start); e == nil {
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
		if e.Kind.EndsTask() && start.Before(e) {
			return e
		}
	}
	return nil
}

// waits fills in how long the customer had waited for each agent (rule 7).
func (f *Folder) waits(events []*event.Event) {
	for i := range f.spans {
		s := &f.spans[i]
		if s.kind == Agent && s.reservation.accepted != nil {
			s.wait = between(f.lastEntry(events, s.opening), s.start)
		}
	}
}

// lastEntry returns when the customer last began to wait before an agent accepted, event.None if
// that was not seen.
func (f *Folder) lastEntry(events []*event.Event, accepted *event.Event) event.Millis {
	last := event.Millis(event.None)
	q := f.inferred
	if q != nil && q.QueueEnteredAt <= accepted.Time {
		last = q.QueueEnteredAt
	}
	for _, e := range events {
		if e.Time > accepted.Time {
			break
		}
		if e.Kind == event.QueueEntered || e.Kind == event.TransferInitiated {
			last = max(last, e.Time)
		}
	}
	for _, e := range f.entries {
		// Was the row of rule 4 open at e?
		inferred := q != nil && q.QueueEnteredAt < e.Time && e.Before(q)
		if e.Before(accepted) && !inferred {
			last = max(last, e.Time)
		}
	}
	return last
}

// invitationRow makes the row of a reservation that no agent took (rules 9 and 10).
func (f *Folder) invitationRow(r *reservation, events []*event.Event) {
	end, outcome, inferred := r.ending, r.outcome, false
	if end == nil {
		end, outcome = f.inferEnd(r, events)
		inferred = true
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

// togetherMS is how far apart, at most, the offers are created that a workflow makes to several
// agents at once (rule 9).
const togetherMS = 2000

// inferEnd finds the end of an offer whose own end was not seen: the event at which it was over,
// and how it ended. The event is nil while nothing tells that the offer is over (rule 9).
func (f *Folder) inferEnd(r *reservation, events []*event.Event) (end *event.Event, outcome string) {
	earliest := r.events[0]
	created := earliest.Time
	if r.created != nil {
		created = r.created.Time
	}
	candidate := func(e *event.Event, how string) {
		if e != nil && earliest.Before(e) && (end == nil || e.Before(end)) {
			end, outcome = e, how
		}
	}
	ended := taskEnd(events, earliest)
	over := ended != nil
	candidate(ended, Missed)
	for i := range f.reservations {
		o := &f.reservations[i]
		if o == r {
			continue
		}
		over = over || o.accepted != nil && earliest.Before(o.accepted)
		if o.created == nil {
			continue
		}
		switch gap := o.created.Time - created; {
		case gap > togetherMS:
			candidate(o.created, Missed)
		case gap >= -togetherMS:
			candidate(o.accepted, Revoked)
		}
	}
	if !over {
		return nil, ""
	}
	return end, outcome
}
