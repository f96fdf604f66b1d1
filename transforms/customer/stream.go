package customer

import (
	"encoding/binary"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/schemas/change"
)

func init() {
	register.DoFn4x1[state.Provider, string, []byte, func([]byte), error](&StreamFn{})
	register.Emitter1[[]byte]()
}

// StreamFn keeps of every contact the stamp and id of its newest sighting, and emits each that is newer.
type StreamFn struct {
	Newest state.Value[[]byte]
}

// ProcessElement takes sightings of one contact.
func (fn *StreamFn) ProcessElement(p state.Provider, contact string, sightings []byte, emit func([]byte)) error {
	known, ok, err := fn.Newest.Read(p)
	if err != nil {
		return err
	}
	b := new(best)
	if ok {
		stamp, n := binary.Varint(known)
		if n <= 0 {
			return ErrCorrupt
		}
		b.take(stamp, string(known[n:]), change.Block{})
	}
	contacts := map[string]*best{contact: b}
	if err := newest(contacts, sightings); err != nil {
		return err
	}
	if len(b.block) == 0 {
		return nil
	}
	emit(b.block)
	return fn.Newest.Write(p, append(binary.AppendVarint(nil, b.stamp), b.id...))
}

// Stream turns (contact, Sightings) into blocks of changes.
func Stream(s beam.Scope, sightings beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("customer.Stream"), &StreamFn{Newest: state.MakeValueState[[]byte]("newest")}, sightings)
}
