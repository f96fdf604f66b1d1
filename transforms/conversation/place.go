package conversation

import (
	"cmp"
	"strings"

	"flexbeam/schemas/event"
)

// nearby is how far a message may lie from an engagement that is not open to it, in ms.
const nearby = 60 * 60 * 1000

// A place is an engagement with its task.
type place struct {
	*Stay
	task *Task
}

// from is when a stay begins to be open to messages: REST knows whole seconds.
func (p place) from() event.Millis { return p.Start - ((p.Start%1000)+1000)%1000 }

func (p place) openAt(t event.Millis) bool {
	return p.from() <= t && (p.End == event.None || t <= p.End)
}

// distance returns how far a message lies from a stay, 0 if that is open.
func (p place) distance(t event.Millis) event.Millis {
	switch {
	case t < p.from():
		return p.from() - t
	case p.End != event.None && t > p.End:
		return t - p.End
	}
	return 0
}

// laterOf returns the place whose stay began later; of equals the one with the greater ID, so that
// the order of tasks decides nothing.
func laterOf(a *place, b place) *place {
	if a == nil || cmp.Or(cmp.Compare(b.Start, a.Start), strings.Compare(b.ID, a.ID)) > 0 {
		return &b
	}
	return a
}

// each calls f with every place of the conversation.
func (c *Conversation) each(f func(place)) {
	for i := range c.Tasks {
		t := &c.Tasks[i]
		for k := range t.Stays {
			f(place{&t.Stays[k], t})
		}
	}
}

// placeOf returns where a message belongs, by its time and, if an agent wrote it, his worker SID;
// nil if the conversation has no engagements (contract, section 5).
func (c *Conversation) placeOf(t event.Millis, worker string) *place {
	if worker != "" {
		if p := c.ownPlace(t, worker); p != nil {
			return p
		}
	}
	var agent, queue, next, before, first *place
	c.each(func(p place) {
		switch {
		case p.openAt(t) && p.Agent:
			agent = laterOf(agent, p)
		case p.openAt(t):
			queue = laterOf(queue, p)
		case p.from() > t:
			if p.from()-t <= nearby && (next == nil || begins(p, *next)) {
				next = &p
			}
		case before == nil || endsLater(p, *before):
			before = &p
		}
		if first == nil || begins(p, *first) {
			first = &p
		}
	})
	return cmp.Or(agent, queue, next, before, first)
}

// ownPlace returns the engagement of the agent who wrote a message: the one open then, else the
// nearest, if that is at most an hour away; of several the one that was accepted last.
func (c *Conversation) ownPlace(t event.Millis, worker string) (own *place) {
	least := event.Millis(nearby)
	c.each(func(p place) {
		d := p.distance(t)
		switch {
		case !p.Agent || p.Worker != worker || d > least:
		case d < least:
			own, least = &p, d
		default:
			own = laterOf(own, p)
		}
	})
	return own
}

// begins tells whether p begins before q; of equals a queue's before an agent's.
func begins(p, q place) bool {
	switch {
	case p.Start != q.Start:
		return p.Start < q.Start
	case p.Agent != q.Agent:
		return q.Agent
	}
	return p.ID < q.ID
}

// endsLater tells whether p, which is over, ended later than q; of equals an agent's before a
// queue's, then the one that began later.
func endsLater(p, q place) bool {
	switch {
	case p.End != q.End:
		return p.End > q.End
	case p.Agent != q.Agent:
		return p.Agent
	case p.Start != q.Start:
		return p.Start > q.Start
	}
	return p.ID > q.ID
}

// nearest returns how far a message lies from the nearest engagement of a worker; ok is false
// without any.
func (c *Conversation) nearest(t event.Millis, worker string) (d event.Millis, ok bool) {
	c.each(func(p place) {
		if p.Agent && p.Worker == worker && (!ok || p.distance(t) < d) {
			d, ok = p.distance(t), true
		}
	})
	return d, ok
}
