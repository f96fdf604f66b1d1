package conversation

import (
	"slices"
	"strings"

	"flexbeam/schemas/event"
	"flexbeam/schemas/turn"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/customer"
)

// The values of author_type.
const (
	Agent    = "Agent"
	Customer = "Customer"
	Bot      = "Bot"
)

// System is the author of messages that Twilio gives no other.
const System = "system"

// An author is who wrote a message.
type author struct {
	kind   string // author_type
	worker string // SID of an agent; empty: not known

	// name is not empty if workers whom no event of the conversation's tasks names may decide: those of
	// the account that events show under this name. kind and worker are without them then.
	name string
}

// authorOf returns who wrote a message (contract, section 5).
func (c *Conversation) authorOf(m *Message) (a author) {
	if m.Author == "" || m.Author == System || m.Author == c.SID || c.isProxy(m.Author) {
		return author{kind: Bot}
	}
	p := c.participant(m)
	name := ""
	switch {
	case p != nil && p.Identity != "":
		name = workerName(p.Identity)
	case p == nil || p.Address == "": // who has a messaging binding has no identity
		name = workerName(m.Author)
	}
	known := c.named(name)
	worker, placed := c.chosen(known, m.Created)
	if !placed || !c.engages(known) {
		a.name = name
	}
	switch {
	case worker != "":
		a.kind, a.worker = Agent, worker
	case p != nil && strings.EqualFold(p.MemberType, "supervisor"):
		a.kind = Agent
	case p != nil, c.isCustomer(m.Author):
		a.kind = Customer
	case agent.Identity(m.Author) != m.Author:
		a.kind = Agent
	default:
		a.kind = Bot
	}
	return a
}

// isProxy tells whether an author is an address of the company's that stands for others.
func (c *Conversation) isProxy(author string) bool {
	return slices.ContainsFunc(c.Participants, func(p turn.Participant) bool { return p.Proxy == author || p.Projected == author })
}

// participant returns who wrote a message: by the participant that it names, else by its author;
// nil if nobody like that was ever seen.
func (c *Conversation) participant(m *Message) *turn.Participant {
	by := func(is func(p *turn.Participant) bool) *turn.Participant {
		for i := range c.Participants {
			if is(&c.Participants[i]) {
				return &c.Participants[i]
			}
		}
		return nil
	}
	if m.Participant != "" {
		if p := by(func(p *turn.Participant) bool { return p.SID == m.Participant }); p != nil {
			return p
		}
	}
	return by(func(p *turn.Participant) bool {
		return p.SID == m.Author || p.Identity == m.Author || p.Address == m.Author
	})
}

// named returns the workers whom events of the tasks show under a name.
func (c *Conversation) named(name string) (workers []string) {
	if name == "" {
		return nil
	}
	for i := range c.Tasks {
		for _, w := range c.Tasks[i].Workers {
			if slices.Contains(w.Names, name) && !slices.Contains(workers, w.SID) {
				workers = append(workers, w.SID)
			}
		}
	}
	return workers
}

// chosen returns which of the workers who have a name wrote a message under it: the one with an engagement in
// the conversation, of several such the one with the nearest, else the least SID. It is empty without
// workers. placed tells whether he has an engagement.
func (c *Conversation) chosen(workers []string, at event.Millis) (worker string, placed bool) {
	near := event.Millis(0)
	for _, w := range workers {
		d, has := c.nearest(at, w)
		better := worker == "" || has && !placed
		if has == placed && worker != "" {
			better = d < near || d == near && w < worker
		}
		if better {
			worker, near, placed = w, d, has
		}
	}
	return worker, placed
}

// engages tells whether the conversation has engagements of none but these workers.
func (c *Conversation) engages(workers []string) bool {
	others := false
	c.each(func(p place) { others = others || p.Agent && !slices.Contains(workers, p.Worker) })
	return !others
}

// isCustomer tells whether an author is what events call the customer by.
func (c *Conversation) isCustomer(author string) bool {
	normal := customer.NormalizeAddress(author)
	for i := range c.Tasks {
		if named := c.Tasks[i].Customer; slices.Contains(named, author) || normal != "" && slices.Contains(named, normal) {
			return true
		}
	}
	return false
}
