package customer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	"flexbeam/internal/scratch"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// Contacts knows of each contact of a live stream its newest sighting: what is older need not be written again, and of two sightings with
// one version the order in which they come does not decide. In memory are a hash and the version; the rest, which is asked for
// when two versions are equal, is in a scratch file. Its methods may be called from several goroutines.
type Contacts struct {
	rest  *scratch.Store
	mu    sync.Mutex
	known map[[16]byte]contact // by 128 bits of SHA-256 of the contact
	bytes int64                // on disk
	buf   []byte
}

// contact is what is known of a contact.
type contact struct {
	version int64
	seen    int64       // when the newest sighting came, ms of arrival time
	rest    scratch.Ref // event id and row
}

// NewContacts returns a Contacts that knows none.
func NewContacts(rest *scratch.Store) *Contacts {
	return &Contacts{rest: rest, known: map[[16]byte]contact{}}
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
func (c *Contacts) Take(s Sighted, now int64, b []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.Sum256([]byte(s.contact))
	h := [16]byte(sum[:16])
	k, ok := c.known[h]
	if ok && s.version <= k.version {
		if s.version < k.version {
			return b, nil
		}
		k.seen = max(k.seen, now)
		c.known[h] = k
		old, err := c.read(k)
		if err != nil || !old.take(s.version, s.eventID, s.block) {
			return b, err
		}
	}
	c.buf = append(append(binary.AppendUvarint(c.buf[:0], uint64(len(s.eventID))), s.eventID...), s.block...)
	ref, err := c.rest.Put(c.buf)
	if err != nil {
		return b, fmt.Errorf("customer: put what is known of a contact on the disk: %w", err)
	}
	if ok {
		c.free(k)
	}
	c.bytes += int64(ref.Len())
	c.known[h] = contact{s.version, max(k.seen, now), ref}
	return append(b, s.block...), nil
}

// read returns the newest sighting of a contact.
func (c *Contacts) read(k contact) (best, error) {
	b, err := c.rest.Get(k.rest, nil)
	if err != nil {
		return best{}, fmt.Errorf("customer: read what is known of a contact: %w", err)
	}
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return best{}, ErrCorrupt
	}
	b = b[w:]
	return best{k.version, string(b[:n]), change.Block(b[n:])}, nil
}

// Size returns how many contacts are known, and how many bytes are on disk of them.
func (c *Contacts) Size() (contacts, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int64(len(c.known)), c.bytes
}

// Forget forgets the contacts that were not seen since a time. A sighting that is older than what the sink holds loses there by its
// version, so this changes no row.
func (c *Contacts) Forget(since int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for h, k := range c.known {
		if k.seen < since {
			c.free(k)
			delete(c.known, h)
		}
	}
}

func (c *Contacts) free(k contact) {
	c.bytes -= int64(k.rest.Len())
	c.rest.Free(k.rest)
}
