package customer

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// Name is that of the kind whose keys are contacts, over all accounts.
const Name = "contact"

const kindID = 2

func init() {
	keyed.Register(&keyed.Kind{
		Name: Name, ID: kindID,
		// A contact is known for a day after it was last seen. An observation that is older than
		// what the sink holds loses there by its version, so no row changes if a contact is
		// forgotten.
		Retention: keyed.Retention{Open: keyed.Day},
		Immediate: true,
		Volatile:  true,
		New:       func([]byte, keyed.Env) (keyed.Logic, error) { return logic{}, nil },
	})
}

// Spec returns the kind, which has no options.
func Spec() keyed.Spec { return keyed.Spec{Name: Name} }

// ErrCorrupt says that an observation is not what Observe wrote.
var ErrCorrupt = errors.New("corrupt observation of a contact")

// Observe returns the input for a contact that an event of a task gives: the customer's row, with
// the id of the event. arrival is that of the task's newest event.
func Observe(eventID string, r model.Row, arrival keyed.Millis) keyed.Input {
	c := change.Change{Table: model.CustomersID, Row: r}
	b := binary.AppendVarint(make([]byte, 0, 256), c.Version())
	b = binary.AppendUvarint(b, uint64(len(eventID)))
	b = append(b, eventID...)
	return keyed.Input{
		Kind: kindID, Key: r[col.contact].Str, Time: max(arrival, 0), Arrival: arrival,
		Value: change.Block(b).Append(c),
	}
}

// encoded is an observation as an input carries it.
type encoded struct {
	version int64
	eventID []byte
	row     change.Block
}

func parse(b []byte) (o encoded, err error) {
	version, n := binary.Varint(b)
	if n <= 0 {
		return o, ErrCorrupt
	}
	b = b[n:]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return o, ErrCorrupt
	}
	b = b[n:]
	o = encoded{version, b[:size], change.Block(b[size:])}
	if len(o.row) == 0 || o.row[0] != byte(model.CustomersID)<<1 { // an upsert of a customer
		return o, ErrCorrupt
	}
	return o, nil
}

// newerThan orders by version, then by event ID, then by row, since one event ID may come in two
// tasks. So the order of arrival decides nothing.
func (o encoded) newerThan(p encoded) bool {
	return cmp.Or(cmp.Compare(o.version, p.version), bytes.Compare(o.eventID, p.eventID), bytes.Compare(o.row, p.row)) > 0
}

// logic is the rules of contacts: of each the newest observation gives its row.
type logic struct{}

// Merge implements keyed.Logic.
func (logic) Merge(s *keyed.State, in *keyed.Input) ([]int, error) {
	next, err := parse(in.Value)
	if err != nil {
		return nil, err
	}
	if s.Value != nil {
		known, err := parse(s.Value)
		if err != nil || !next.newerThan(known) {
			return nil, err
		}
	}
	s.Value, s.Dirty = bytes.Clone(in.Value), true
	return nil, nil
}

// Process implements keyed.Logic.
func (logic) Process(s *keyed.State, _ keyed.Millis, out *keyed.Output) (keyed.Millis, error) {
	if s.Dirty {
		o, err := parse(s.Value)
		if err != nil {
			return keyed.None, err
		}
		out.Changes = append(out.Changes, o.row...)
		s.Dirty = false
	}
	return keyed.None, nil
}
