// Package change holds what the folds emit and the sinks settle: changes of rows, and their compact
// encoding as blocks.
//
// A change says that a row is as given, or that it is gone, and how much was known when it was
// said. A sink keeps for each key the change with the greatest version; of equal versions the one
// that is written later (contract, section 7). So the tables are the same if changes are written
// twice or in blocks of another size.
package change

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"flexbeam/internal/wire"
	"flexbeam/schemas/model"
)

// A Change upserts or deletes one row.
type Change struct {
	Table  model.TableID
	Delete bool // the row is gone; Row has its key cells and row_version, and where known the time of Table.PartitionColumn
	Forget bool // of a delete: nothing is to remember the key, since that alone tells who the row was about
	Row    model.Row
}

// Version returns the change's row_version.
func (c Change) Version() int64 { return c.Row[len(c.Row)-1].Num }

// Of returns the change's table.
func (c Change) Of() *model.Table { return model.Tables[c.Table] }

// A Block is an encoded sequence of changes: what travels through a pipeline, since an element for
// every row would cost more than the row.
type Block []byte

// ErrCorrupt says that a block is not one that Append wrote.
var ErrCorrupt = errors.New("corrupt block of changes")

// The first byte of a change tells whether it is a delete, its table, whether nothing is to remember
// its key, and in the two highest bits its form, 0 so far: blocks are concatenated, so each change has
// its own.
const (
	tableBits = 5 // with that of a delete
	forgets   = 1 << tableBits
	formShift = tableBits + 1
)

// Append adds a change to the block.
func (b Block) Append(c Change) Block {
	head := byte(c.Table) << 1
	if c.Delete {
		head |= 1
	}
	if c.Forget {
		head |= forgets
	}
	size := 1
	for _, v := range c.Row {
		size += len(v.Str) + 1 + binary.MaxVarintLen64
	}
	b = append(slices.Grow(b, size), head)
	for _, v := range c.Row {
		b = append(b, byte(v.Type))
		switch v.Type {
		case model.Null:
		case model.String, model.Bytes:
			b = binary.AppendUvarint(b, uint64(len(v.Str)))
			b = append(b, v.Str...)
		case model.Float:
			b = binary.LittleEndian.AppendUint64(b, uint64(v.Num))
		default:
			b = binary.AppendVarint(b, v.Num)
		}
	}
	return b
}

// Each calls f for every change of the block, in order, until f returns an error, which it returns.
// The row is valid until f returns; its strings stay valid. For what is no block it returns
// ErrCorrupt.
func (b Block) Each(f func(Change) error) error {
	s := string(b) // one copy; the cells are slices of it
	var rows [16]model.Row
	for i := 0; i < len(s); {
		head := s[i]
		i++
		if form := head >> formShift; form != 0 {
			return fmt.Errorf("%w: %w", ErrCorrupt, wire.FormError("a change of a row", form, 0))
		}
		id := head &^ forgets >> 1
		if int(id) >= len(model.Tables) {
			return fmt.Errorf("%w: table %d at byte %d", ErrCorrupt, id, i-1)
		}
		row := rows[id]
		if row == nil {
			row = model.Tables[id].NewRow()
			rows[id] = row
		}
		for j := range row {
			if i >= len(s) {
				return fmt.Errorf("%w: ends inside a row", ErrCorrupt)
			}
			v := model.Value{Type: model.Type(s[i])}
			i++
			switch v.Type {
			case model.Null:
			case model.String, model.Bytes:
				n, w := uvarint(s[i:])
				if w <= 0 || n > uint64(len(s)-i-w) {
					return fmt.Errorf("%w: string at byte %d", ErrCorrupt, i)
				}
				i += w
				v.Str = s[i : i+int(n)]
				i += int(n)
			case model.Float:
				if len(s)-i < 8 {
					return fmt.Errorf("%w: number at byte %d", ErrCorrupt, i)
				}
				for k := 7; k >= 0; k-- {
					v.Num = v.Num<<8 | int64(s[i+k])
				}
				i += 8
			case model.Timestamp, model.Int, model.Bool:
				u, w := uvarint(s[i:])
				if w <= 0 {
					return fmt.Errorf("%w: number at byte %d", ErrCorrupt, i)
				}
				v.Num = int64(u>>1) ^ -int64(u&1)
				i += w
			default:
				return fmt.Errorf("%w: type %d at byte %d", ErrCorrupt, v.Type, i-1)
			}
			row[j] = v
		}
		if err := f(Change{Table: model.TableID(id), Delete: head&1 != 0, Forget: head&forgets != 0, Row: row}); err != nil {
			return err
		}
	}
	return nil
}

func uvarint(s string) (uint64, int) {
	var x uint64
	for i := 0; i < len(s) && i < binary.MaxVarintLen64; i++ {
		c := s[i]
		if c < 0x80 {
			return x | uint64(c)<<(7*i), i + 1
		}
		x |= uint64(c&0x7f) << (7 * i)
	}
	return 0, 0
}
