package customer

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// Sightings is an encoded sequence of customer rows, each with the id of the event behind it: what tasks know of contacts,
// on its way to where the contacts of all tasks meet.
type Sightings []byte

// ErrCorrupt says that sightings are not what Append wrote.
var ErrCorrupt = errors.New("customer: corrupt sightings")

// Append adds a row.
func (s Sightings) Append(eventID string, r model.Row) Sightings {
	return appendSighting(s, eventID, change.Block(nil).Append(change.Change{Table: model.CustomersID, Row: r}))
}

func appendSighting(s []byte, eventID string, row change.Block) []byte {
	s = binary.AppendUvarint(s, uint64(len(eventID)))
	s = append(s, eventID...)
	s = binary.AppendUvarint(s, uint64(len(row)))
	return append(s, row...)
}

// each calls f for every sighting.
func (s Sightings) each(f func(eventID string, b change.Block) error) error {
	part := func() ([]byte, bool) {
		n, w := binary.Uvarint(s)
		if w <= 0 || n > uint64(len(s)-w) {
			return nil, false
		}
		p := s[w : w+int(n)]
		s = s[w+int(n):]
		return p, true
	}
	for len(s) > 0 {
		id, ok := part()
		b, ok2 := part()
		if !ok || !ok2 {
			return ErrCorrupt
		}
		if err := f(string(id), change.Block(b)); err != nil {
			return err
		}
	}
	return nil
}

// best is the newest sighting of a contact: the greatest (stamp, event id); of one event id in two tasks the greater row, so
// that order does not decide.
type best struct {
	stamp int64
	id    string
	block change.Block
}

// take takes a sighting and tells whether it is the newest now.
func (b *best) take(stamp int64, id string, block change.Block) bool {
	if b.block != nil {
		c := cmp.Or(cmp.Compare(stamp, b.stamp), cmp.Compare(id, b.id), bytes.Compare(block, b.block))
		if c <= 0 {
			return false
		}
	}
	b.stamp, b.id, b.block = stamp, id, block
	return true
}

// newest adds sightings to the newest of each contact.
func newest(contacts map[string]*best, s Sightings) error {
	return s.each(func(id string, block change.Block) error {
		return block.Each(func(c change.Change) error {
			if c.Table != model.CustomersID {
				return fmt.Errorf("%w: a row of %s", ErrCorrupt, c.Of().Name)
			}
			contact := c.Row[col.contact].Str
			b := contacts[contact]
			if b == nil {
				b = new(best)
				contacts[contact] = b
			}
			b.take(c.Version(), id, block)
			return nil
		})
	})
}
