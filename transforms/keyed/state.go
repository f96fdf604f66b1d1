// Package keyed holds what a stateful transform knows of one key: the events of its task or worker, and which rows it has
// emitted. It is one value with one encoding, since every access to a Beam state cell is a round trip
// (docs/adr/0001-blocks.md).
package keyed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// ErrCorrupt says that a state is not one that Encode wrote.
var ErrCorrupt = errors.New("keyed: corrupt state")

// A State is what is known of a key.
type State struct {
	Pending  int64 // time in ms of the timer that is set, event.None without one
	Distinct int64 // distinct events that were counted so far
	Copies   int64 // copies of them that were counted so far
	Folds    int64 // how often the key was folded
	Blocks   event.Block

	emitted []emitted
}

// emitted is a row that was emitted and not deleted since, or one that an earlier job left.
type emitted struct {
	table model.TableID
	key   string
	hash  uint64 // of the row as it was emitted, 0 when it was not
	left  bool   // an earlier job left it: it may know more, so that a delete loses, until this one has caught up
}

// leftBit marks a row that an earlier job left in the byte of its table.
const leftBit = 0x80

const encoding = 2

// Encode returns the state as bytes.
func (s *State) Encode() []byte {
	b := make([]byte, 0, len(s.Blocks)+32+64*len(s.emitted))
	b = append(b, encoding)
	b = binary.AppendVarint(b, s.Pending)
	b = binary.AppendVarint(b, s.Distinct)
	b = binary.AppendVarint(b, s.Copies)
	b = binary.AppendVarint(b, s.Folds)
	b = binary.AppendUvarint(b, uint64(len(s.emitted)))
	for _, e := range s.emitted {
		head := byte(e.table)
		if e.left {
			head |= leftBit
		}
		b = append(b, head)
		b = binary.AppendUvarint(b, uint64(len(e.key)))
		b = append(b, e.key...)
		b = binary.LittleEndian.AppendUint64(b, e.hash)
	}
	return append(b, s.Blocks...)
}

// Decode returns the state that Encode wrote; no bytes are the state of a new key.
func Decode(b []byte) (*State, error) {
	s := &State{Pending: event.None}
	if len(b) == 0 {
		return s, nil
	}
	if b[0] != encoding {
		return nil, fmt.Errorf("%w: encoding %d; this version reads %d", ErrCorrupt, b[0], encoding)
	}
	b = b[1:]
	bad := false
	varint := func() int64 {
		v, n := binary.Varint(b)
		if n <= 0 {
			bad = true
			return 0
		}
		b = b[n:]
		return v
	}
	uvarint := func() int {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > uint64(len(b)) {
			bad = true
			return 0
		}
		b = b[n:]
		return int(v)
	}
	s.Pending, s.Distinct, s.Copies, s.Folds = varint(), varint(), varint(), varint()
	for n := uvarint(); n > 0 && !bad; n-- {
		if len(b) == 0 || int(b[0]&^leftBit) >= len(model.Tables) {
			return nil, ErrCorrupt
		}
		e := emitted{table: model.TableID(b[0] &^ leftBit), left: b[0]&leftBit != 0}
		b = b[1:]
		k := uvarint()
		if bad || len(b) < k+8 {
			return nil, ErrCorrupt
		}
		e.key = string(b[:k])
		e.hash = binary.LittleEndian.Uint64(b[k:])
		b = b[k+8:]
		s.emitted = append(s.emitted, e)
	}
	if bad {
		return nil, ErrCorrupt
	}
	s.Blocks = b
	return s, nil
}

// A Settler turns the rows of a fold into the changes against what was emitted before: upserts of rows that are new or
// differ, deletes of rows that are gone.
type Settler struct {
	state  *State
	before map[string]emitted // by table and key
	next   []emitted
	block  change.Block
	key    []byte
	one    change.Block
}

// Settle starts a fold of the key.
func (s *State) Settle() *Settler {
	t := &Settler{state: s, before: make(map[string]emitted, len(s.emitted))}
	for _, e := range s.emitted {
		t.before[e.name()] = e
	}
	return t
}

// name tells rows apart.
func (e emitted) name() string { return string(rune(e.table)) + e.key }

// Row takes a row of the fold.
func (t *Settler) Row(id model.TableID, r model.Row) {
	t.key = model.Tables[id].AppendKey(t.key[:0], r)
	t.one = t.one[:0].Append(change.Change{Table: id, Row: r})
	h := fnv.New64a()
	h.Write(t.one)
	e := emitted{table: id, key: string(t.key), hash: h.Sum64()}
	old, known := t.before[e.name()]
	delete(t.before, e.name())
	e.left = old.left
	t.next = append(t.next, e)
	if known && old.hash == e.hash {
		return
	}
	t.block = append(t.block, t.one...)
}

// Done ends the fold and returns its changes. A row that is gone is deleted with the version that deleted gives for its key
// cells. A row that an earlier job left stays where deleted says no: the events tell nothing of its time. Else its delete is
// emitted again with every fold, since an earlier one, of fewer events, may have lost against what the sink holds.
func (t *Settler) Done(deleted func(model.TableID, model.Row) (version int64, ok bool)) (change.Block, error) {
	for _, old := range t.state.emitted {
		if _, gone := t.before[old.name()]; !gone {
			continue
		}
		table := model.Tables[old.table]
		r := table.NewRow()
		if !table.ParseKey([]byte(old.key), r) {
			return nil, ErrCorrupt
		}
		version, ok := deleted(old.table, r)
		if old.left {
			stays := !ok && old.hash == 0
			old.hash = 0
			t.next = append(t.next, old)
			if stays {
				continue
			}
		}
		r[len(r)-1] = model.Integer(version)
		t.block = t.block.Append(change.Change{Table: old.table, Delete: true, Row: r})
	}
	t.state.emitted = t.next
	return t.block, nil
}
