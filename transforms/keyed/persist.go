package keyed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// The entries of a store's log. An entry begins with one of these.
const (
	entryOwner  = 'O' // the sink, and what events keep
	entryBatch  = 'B' // a position and the parcels before it
	entryOver   = 'P' // a source whose position is forgotten
	entryState  = 'S' // a whole state
	entryForget = 'F' // a key without a state
	entryFrozen = 'D' // a task that has ended and whose rows are in the sink, as it is on disk
	entryMarker = 'M' // a task that was dropped, or a marker that is forgotten
)

func appendBytes[T string | []byte | event.Block](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendOwner(b []byte, sink Sink) []byte {
	return appendBytes(appendBytes(appendBytes(append(b, entryOwner), sink.ID), kept()), sink.Name)
}

// version is that of the entries. An entry that it does not know, or that means something else now, needs another.
const version = "2"

// kept says what the entries hold.
func kept() string { return version + " " + model.Kept() }

func beginBatch(b []byte, source string, position []byte) []byte {
	return appendBytes(appendBytes(append(b, entryBatch), source), position)
}

func appendOver(b []byte, source string) []byte {
	return appendBytes(append(b, entryOver), source)
}

// endedBit marks a parcel that ends its task in the byte of its kind.
const endedBit = 0x80

// appendParcel adds a parcel to the entry of a batch.
func appendParcel(b []byte, p Parcel) []byte {
	kind := byte(p.Kind)
	if p.Ended {
		kind |= endedBit
	}
	b = appendBytes(append(b, kind), p.Key)
	b = binary.AppendVarint(b, p.Arrival)
	b = binary.AppendVarint(b, p.Newest)
	return appendBytes(b, p.Block)
}

func appendForget(b []byte, kind Kind, key string) []byte {
	return appendBytes(append(b, entryForget, byte(kind)), key)
}

func appendMarker(b []byte, h hash, key string, until int64) []byte {
	b = append(append(b, entryMarker), h[:]...)
	b = binary.AppendVarint(b, until)
	return appendBytes(b, key)
}

func appendLive(b []byte, kind Kind, key string, l *Live) []byte {
	b = appendBytes(append(b, entryState, byte(kind)), key)
	flags := byte(0)
	if l.Closed {
		flags |= 2
	}
	b = append(b, flags)
	b = binary.AppendVarint(b, l.Arrival)
	b = binary.AppendVarint(b, l.Bound)
	b = binary.AppendVarint(b, l.AsOf)
	b = binary.AppendUvarint(b, uint64(len(l.marks)))
	for _, m := range l.marks {
		b = binary.AppendVarint(b, m.hour)
		b = binary.AppendVarint(b, m.newest)
	}
	return appendBytes(b, l.Blocks)
}

// replay takes an entry of the log of an earlier process.
func (s *Store) replay(entry []byte) error {
	r := reader{b: entry[1:]}
	switch entry[0] {
	case entryOwner:
		s.owner.ID = r.text()
		if r.text() != kept() && !r.bad {
			return fmt.Errorf("%w: drain it with that version first, then begin with an empty directory and start=at: that time; or remove it and read the stream from its start", ErrVersion)
		}
		s.owner.Name = r.text()
	case entryBatch:
		source, position := r.text(), r.bytes()
		for len(r.b) > 0 && !r.bad {
			head := r.byte()
			p := Parcel{Kind: r.known(head &^ endedBit), Key: r.text(), Arrival: r.varint(), Newest: r.varint(), Block: r.bytes(), Ended: head&endedBit != 0}
			if r.bad {
				break
			}
			l, late, err := s.lockNew(p.Kind, p.Key, math.MinInt64)
			if err != nil {
				return err
			}
			if !late {
				s.change(p.Kind, l, func() { l.add(p) })
				l.Unlock()
			}
		}
		if !r.bad {
			s.positions[source] = bytes.Clone(position)
		}
	case entryOver:
		if source := r.text(); !r.bad {
			delete(s.positions, source)
		}
	case entryState:
		kind, key := r.kind(), r.text()
		if r.bad {
			break
		}
		next := newLive(kind, key)
		flags := r.byte()
		next.Closed = flags&2 != 0
		next.Arrival, next.Bound, next.AsOf = r.varint(), r.varint(), r.varint()
		for n := r.uvarint(); n > 0 && !r.bad; n-- {
			next.marks = append(next.marks, mark{r.varint(), r.varint()})
		}
		next.Blocks = bytes.Clone(r.bytes())
		if r.bad {
			break
		}
		s.clear(kind, key)
		s.live[kind][key] = next
		s.count(kind, next, 1)
	case entryForget:
		if kind, key := r.kind(), r.text(); !r.bad {
			s.clear(kind, key)
		}
	case entryFrozen:
		key, l, err := readFrozen(r.b)
		if err != nil {
			return fmt.Errorf("%w: an entry of kind %q", err, entry[0])
		}
		s.clear(Task, key)
		f, err := s.store(r.b, l.Arrival)
		if err != nil {
			return err
		}
		f.left = true
		s.ended.freeze(hashOf(key), f)
	case entryMarker:
		h := hash(r.take(len(hash{})))
		until, key := r.varint(), r.text()
		if r.bad {
			break
		}
		if key != "" {
			s.clear(Task, key)
		}
		s.clearFrozen(h)
		s.ended.mark(h, until)
	default:
		return fmt.Errorf("%w: an entry of kind %q", ErrCorrupt, entry[0])
	}
	if r.bad {
		return fmt.Errorf("%w: an entry of kind %q ends early", ErrCorrupt, entry[0])
	}
	return nil
}

// clear removes what the log said of a key before.
func (s *Store) clear(kind Kind, key string) {
	if old := s.live[kind][key]; old != nil {
		s.remove(kind, key, old)
	}
	if kind == Task {
		h := hashOf(key)
		s.clearFrozen(h)
		s.ended.mark(h, 0)
	}
}

func (s *Store) clearFrozen(h hash) {
	if f, ok := s.ended.thaw(h); ok {
		s.free(f.ref)
	}
}

// A reader reads the parts of an entry; after a part that is not there it is bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() {
	r.bad, r.b = true, nil
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) kind() Kind { return r.known(r.byte()) }

// known returns a kind that there is.
func (r *reader) known(b byte) Kind {
	k := Kind(b)
	if k >= numKinds {
		r.fail()
		return 0
	}
	return k
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// take returns the next n bytes.
func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail()
		return make([]byte, n)
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) text() string { return string(r.bytes()) }
