package statedisk

import (
	"encoding/binary"
	"iter"
)

// An Op says what a change does.
type Op byte

// The operations. Their values are on disk, and unlike the first byte of anything that logs held
// before there were batches.
const (
	Put    Op = 0x81 + iota // Value is all that is kept of Key
	Append                  // Value comes behind what is kept of Key
	Delete                  // nothing is kept of Key
	Spill                   // Value is on disk only; Key is its head

	// Older is only given to Restore: Value is an entry of a log from before there were batches.
	Older Op = 0
)

// A Change is one operation. A Spill change that Restore is given, and one in a snapshot, has the
// Ref of its value and not the value.
type Change struct {
	Op         Op
	Key, Value []byte
	Ref        Ref
}

// A Batch is changes that are taken together. The zero Batch is empty; its room is used again after
// Reset. It copies what it is given.
type Batch struct {
	ops      []byte // in the form in which the log keeps them
	values   []byte // spilled ones
	spilled  []spilled
	released []Ref
}

// spilled says where a spilled value ends in the values of a batch, and where its Ref belongs in
// the operations.
type spilled struct{ end, ref int }

// Put keeps a value in the place of everything that is kept of a key.
func (b *Batch) Put(key, value []byte) { b.add(Put, key, value) }

// Append keeps a value behind what is kept of a key.
func (b *Batch) Append(key, value []byte) { b.add(Append, key, value) }

// Delete keeps nothing of a key.
func (b *Batch) Delete(key []byte) { b.add(Delete, key, nil) }

// Spill keeps a value on disk only. The head, at least one byte, comes back at a start.
func (b *Batch) Spill(head, value []byte) {
	b.ops = appendSpill(b.ops, head, Ref{})
	b.values = append(b.values, value...)
	b.spilled = append(b.spilled, spilled{len(b.values), len(b.ops) - refLength})
}

// Release lets go of a spilled value, once Sync covers the batch. The batch must say what takes its
// place, so that Restore can tell.
func (b *Batch) Release(ref Ref) { b.released = append(b.released, ref) }

// Reset empties the batch.
func (b *Batch) Reset() {
	b.ops, b.values, b.spilled, b.released = b.ops[:0], b.values[:0], b.spilled[:0], b.released[:0]
}

// Released returns the values that the batch releases.
func (b *Batch) Released() []Ref { return b.released }

// Changes returns the changes of the batch in order, spilled values with them. They are valid as
// long as the batch is not changed.
func (b *Batch) Changes() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		n := 0 // spilled values before
		for ops := b.ops; len(ops) > 0; {
			c, rest, ok := cut(ops)
			if !ok {
				panic("statedisk: a batch that was not made by its methods")
			}
			if c.Op == Spill {
				c.Value = b.value(n)
				n++
			}
			if !yield(c) {
				return
			}
			ops = rest
		}
	}
}

// value returns the i-th spilled value.
func (b *Batch) value(i int) []byte {
	from := 0
	if i > 0 {
		from = b.spilled[i-1].end
	}
	return b.values[from:b.spilled[i].end]
}

func (b *Batch) add(op Op, key, value []byte) { b.ops = appendChange(b.ops, op, key, value) }

// appendChange appends a change other than Spill.
func appendChange(ops []byte, op Op, key, value []byte) []byte {
	ops = appendBytes(append(ops, byte(op)), key)
	if op != Delete {
		ops = appendBytes(ops, value)
	}
	return ops
}

// appendSpill appends a Spill change.
func appendSpill(ops, head []byte, r Ref) []byte {
	ops = appendBytes(append(ops, byte(Spill)), head)
	ops = append(ops, make([]byte, refLength)...)
	putRef(ops[len(ops)-refLength:], r)
	return ops
}

func appendBytes(b, p []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

// refLength is how long a Ref is in the log, in bytes.
const refLength = 12

func putRef(b []byte, r Ref) {
	binary.LittleEndian.PutUint32(b, r.Segment)
	binary.LittleEndian.PutUint32(b[4:], r.Offset)
	binary.LittleEndian.PutUint32(b[8:], r.Length)
}

// cut cuts the first change off.
func cut(ops []byte) (c Change, rest []byte, ok bool) {
	c.Op, ops = Op(ops[0]), ops[1:]
	if c.Key, ops, ok = cutBytes(ops); !ok {
		return c, nil, false
	}
	switch c.Op {
	case Delete:
	case Put, Append:
		if c.Value, ops, ok = cutBytes(ops); !ok {
			return c, nil, false
		}
	case Spill:
		if len(ops) < refLength {
			return c, nil, false
		}
		c.Ref = Ref{binary.LittleEndian.Uint32(ops), binary.LittleEndian.Uint32(ops[4:]), binary.LittleEndian.Uint32(ops[8:])}
		ops = ops[refLength:]
	default:
		return c, nil, false
	}
	return c, ops, true
}

func cutBytes(b []byte) (p, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	end := w + int(n)
	return b[w:end:end], b[end:], true
}
