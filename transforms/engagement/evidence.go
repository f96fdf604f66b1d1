package engagement

import (
	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
)

// Evidence counts what the last Fold found to be missing among the events of its task, which are those
// given to it.
func (f *Folder) Evidence(events []*event.Event) (c evidence.Counts) {
	if len(events) == 0 || len(f.reservations) == 0 {
		return c
	}
	c[evidence.Reserved], c[evidence.Unqueued] = 1, 1
	begins, queued := false, false
	for _, e := range events {
		if e.Kind == event.QueueEntered {
			c[evidence.Unqueued] = 0
		}
		begins = begins || e.Kind == event.TaskCreated
		queued = queued || e.Text[event.QueueSID] != ""
	}
	if begins && !queued { // it was routed straight to an agent
		c[evidence.Unqueued] = 0
	}
	for i := range f.spans {
		s := &f.spans[i]
		r := s.reservation
		switch s.kind {
		case Invitation:
			c[evidence.Offers]++
			c[evidence.OffersInferred] += count(r.ending == nil)
			c[evidence.OffersUncreated] += count(r.created == nil)
		case Agent:
			c[evidence.Agents]++
			c[evidence.AgentsUnaccepted] += count(r.accepted == nil)
			c[evidence.AgentsInferred] += count(r.accepted != nil && s.inferred && s.status != Corrupted) // of a task that is deleted no end comes
		}
	}
	return c
}

func count(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
