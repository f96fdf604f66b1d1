package customer

import (
	"bytes"
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

// StreamFn keeps of every contact its newest sighting, and emits each that is newer.
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
		err := Sightings(known[n:]).each(func(id string, block change.Block) error {
			b.take(stamp, id, block)
			return nil
		})
		if err != nil {
			return err
		}
	}
	before := b.block
	contacts := map[string]*best{contact: b}
	if err := newest(contacts, sightings); err != nil {
		return err
	}
	if bytes.Equal(b.block, before) {
		return nil
	}
	emit(b.block)
	return fn.Newest.Write(p, appendSighting(binary.AppendVarint(nil, b.stamp), b.id, b.block))
}

// Stream turns (contact, Sightings) into blocks of changes.
func Stream(s beam.Scope, sightings beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("customer.Stream"), &StreamFn{Newest: state.MakeValueState[[]byte]("newest")}, sightings)
}
