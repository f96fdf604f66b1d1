package customer

import (
	"strings"
	"sync"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// Contacts knows of each contact of a live stream its newest sighting: what is older need not be written again, and of two sightings with
// one version the order in which they come does not decide. The zero value knows none. Its methods may be called from several
// goroutines.
type Contacts struct {
	mu    sync.Mutex
	known map[string]*contact
}

// contact is what is known of a contact.
type contact struct {
	best
	seen int64 // when the newest sighting came, ms of arrival time
}

// A Sighted is a customer's row that a task gives, as Contacts take it.
type Sighted struct {
	contact string
	version int64
	eventID string
	block   change.Block
}

// Sight encodes a customer's row with the id of the event behind it.
func Sight(eventID string, r model.Row) Sighted {
	c := change.Change{Table: model.CustomersID, Row: r}
	return Sighted{r[col.contact].Str, c.Version(), eventID, change.Block(nil).Append(c)}
}

// Take takes a sighting that came at a time, ms of arrival time. If it is newer than what is known, Take appends its change to b.
func (c *Contacts) Take(s Sighted, now int64, b change.Block) change.Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[s.contact]
	if k == nil {
		if c.known == nil {
			c.known = map[string]*contact{}
		}
		k = new(contact)
		c.known[strings.Clone(s.contact)] = k
	}
	if !k.take(s.version, s.eventID, s.block) {
		return b
	}
	k.id = strings.Clone(k.id) // a text of an event holds all the texts of its block
	k.seen = max(k.seen, now)
	return append(b, s.block...)
}

// Forget forgets the contacts that were not seen since a time. A sighting that is older than what the sink holds loses there by its
// version, so this changes no row.
func (c *Contacts) Forget(since int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, k := range c.known {
		if k.seen < since {
			delete(c.known, id)
		}
	}
}
