package statedisk

import (
	"encoding/binary"
	"iter"
)

// An Op says what a change does.
type Op byte

// The operations. Their values are on disk.
const (
	Put    Op = 'P' // Value is all that is kept of Key
	Append Op = 'A' // Value comes behind what is kept of Key
	Delete Op = 'D' // nothing is kept of Key
	Spill  Op = 'S' // Value is on disk only; Key is its head
)

// A Change is one operation. Of a Spill change that Restore is given, and of one in a snapshot, Ref stands for the value.
type Change struct {
	Op         Op
	Key, Value []byte
	Ref        Ref
}

// A Batch is changes that are taken together. The zero Batch is empty; its room is used again after Reset. It copies what it is given.
type Batch struct {
	ops      []byte // in the form in which a log keeps them
	spilled  []span
	released []Ref
}

// span is where a value lies in ops.
type span struct{ from, to int }

// Put keeps a value in the place of everything that is kept of a key.
func (b *Batch) Put(key, value []byte) { b.add(Put, key, value) }

// Append keeps a value behind what is kept of a key.
func (b *Batch) Append(key, value []byte) { b.add(Append, key, value) }

// Delete keeps nothing of a key.
func (b *Batch) Delete(key []byte) { b.add(Delete, key, nil) }

// Spill keeps a value on disk only. The head, at least one byte, comes back at a start.
func (b *Batch) Spill(head, value []byte) {
	b.add(Spill, head, value)
	b.spilled = append(b.spilled, span{len(b.ops) - len(value), len(b.ops)})
}

// Release lets go of a spilled value, once Sync covers the batch. The batch must say what takes its place, so that Restore can
// tell.
func (b *Batch) Release(ref Ref) { b.released = append(b.released, ref) }

// Reset empties the batch.
func (b *Batch) Reset() {
	b.ops, b.spilled, b.released = b.ops[:0], b.spilled[:0], b.released[:0]
}

// Released returns the values that the batch releases.
func (b *Batch) Released() []Ref { return b.released }

// Changes returns the changes of the batch in order. They are valid as long as the batch is not changed.
func (b *Batch) Changes() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for ops := b.ops; len(ops) > 0; {
			c, rest, ok := cut(ops)
			if !ok {
				panic("statedisk: a batch that was not made by its methods")
			}
			if !yield(c) {
				return
			}
			ops = rest
		}
	}
}

func (b *Batch) add(op Op, key, value []byte) {
	b.ops = append(b.ops, byte(op))
	b.ops = binary.AppendUvarint(b.ops, uint64(len(key)))
	b.ops = append(b.ops, key...)
	if op != Delete {
		b.ops = binary.AppendUvarint(b.ops, uint64(len(value)))
		b.ops = append(b.ops, value...)
	}
}

// cut cuts the first change off.
func cut(ops []byte) (c Change, rest []byte, ok bool) {
	c.Op, ops = Op(ops[0]), ops[1:]
	if c.Key, ops, ok = cutBytes(ops); !ok {
		return c, nil, false
	}
	switch c.Op {
	case Delete:
	case Put, Append, Spill:
		if c.Value, ops, ok = cutBytes(ops); !ok {
			return c, nil, false
		}
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
