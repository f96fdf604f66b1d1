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

// authorOf returns who wrote a message, and of an agent his worker SID where that is known (contract,
// section 5).
func (c *Conversation) authorOf(m *Message) (kind, worker string) {
	if m.Author == "" || m.Author == System || m.Author == c.SID || c.isProxy(m.Author) {
		return Bot, ""
	}
	p := c.participant(m)
	identity := m.Author
	if p != nil && p.Identity != "" {
		identity = p.Identity
	}
	if worker = c.workerOf(identity, m.Created); worker != "" {
		return Agent, worker
	}
	switch {
	case p != nil && strings.EqualFold(p.MemberType, "supervisor"):
		return Agent, ""
	case p != nil, c.isCustomer(m.Author):
		return Customer, ""
	case agent.Identity(m.Author) != m.Author:
		return Agent, ""
	}
	return Bot, ""
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

// workerOf returns the worker whom an identity names; empty: none. Of several it is the one with an
// engagement in the conversation, of several such the one with the nearest, else the least SID.
func (c *Conversation) workerOf(identity string, at event.Millis) (found string) {
	name, near, placed := workerName(identity), event.Millis(0), false
	for i := range c.Tasks {
		for _, w := range c.Tasks[i].Workers {
			if !slices.Contains(w.Names, name) {
				continue
			}
			d, has := c.nearest(at, w.SID)
			better := found == "" || has && !placed
			if has == placed && found != "" {
				better = d < near || d == near && w.SID < found
			}
			if better {
				found, near, placed = w.SID, d, has
			}
		}
	}
	return found
}

// workerName returns a name or contact URI of a worker as identities are compared by: without
// Twilio's prefix, read back, in lower case.
func workerName(text string) string {
	return strings.ToLower(agent.Identity(strings.TrimPrefix(text, "client:")))
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
