package event

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Distinct removes all but the best record of each event and sorts the events: of two records of
// one event that differ, one of Event Streams counts before one of REST, then the one of the newer
// schema, then the one whose text has the greater SHA-256 (contract, section 1). It works in place.
// texts reads the text of a record again that has a Place; it may be nil where none has. Distinct
// fails only where such a text has to be read and cannot be.
func Distinct(events []*Event, texts TextReader) ([]*Event, error) {
	best := events[:0]
	if len(events) <= 24 {
	next:
		for _, e := range events {
			for i, f := range best {
				if f.ID == e.ID {
					var err error
					if best[i], err = better(f, e, texts); err != nil {
						return nil, err
					}
					continue next
				}
			}
			best = append(best, e)
		}
	} else {
		at := make(map[string]int, len(events))
		for _, e := range events {
			i, ok := at[e.ID]
			if !ok {
				at[e.ID] = len(best)
				best = append(best, e)
				continue
			}
			var err error
			if best[i], err = better(best[i], e, texts); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(best, Compare)
	return best, nil
}

// better returns the record that counts.
func better(e, f *Event, texts TextReader) (*Event, error) {
	switch {
	case e.Stream != f.Stream:
		if e.Stream {
			return e, nil
		}
		return f, nil
	case e.Schema != f.Schema:
		if e.Schema > f.Schema {
			return e, nil
		}
		return f, nil
	case e.Sum == f.Sum && (e.Place.File == "") == (f.Place.File == ""):
		return e, nil // the same text
	}
	a, err := e.textSum(texts)
	if err != nil {
		return nil, err
	}
	b, err := f.textSum(texts)
	if err != nil {
		return nil, err
	}
	if b > a {
		return f, nil
	}
	return e, nil
}

// A TextReader reads the text of a record again.
type TextReader func(Place) ([]byte, error)

// ErrNoText says that the text of a record cannot be read again in this process.
var ErrNoText = errors.New("the text of a record cannot be read again here")

// textSum returns the first 64 bits of the SHA-256 of the record's text.
func (e *Event) textSum(texts TextReader) (uint64, error) {
	if e.Place.File == "" {
		return e.Sum, nil
	}
	if texts == nil {
		return 0, fmt.Errorf("%w: of %s, at byte %d of %s", ErrNoText, e.ID, e.Place.Offset, e.Place.File)
	}
	text, err := texts(e.Place)
	if err != nil {
		return 0, fmt.Errorf("read a record of %s again: %w", e.ID, err)
	}
	return TextSum(text), nil
}

// TextSum returns the first 64 bits of the SHA-256 of a record's text.
func TextSum(text []byte) uint64 {
	sum := sha256.Sum256(text)
	return binary.BigEndian.Uint64(sum[:])
}
