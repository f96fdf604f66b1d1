package duckdb

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"unsafe"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A packedBlock holds the packed changes of a change.Block. Its rows can be read many times and in
// part.
//
// A packed row is a type byte for each cell, followed by the value's eight bytes, or by four bytes
// of length and the text. The key columns come first, so that a prefix of the row identifies its
// key.
type packedBlock struct {
	bytes []byte
	parts []part // for each shard
}

// A part is what one shard gets of a block.
type part struct {
	block *packedBlock
	rows  []packed
	size  int // bytes of the rows
}

// weight returns how many of the waiting bytes a part takes: one that is larger than all of them
// takes them all.
func (p *part) weight() int64 { return int64(min(p.size, waitingBytes)) }

// A packed is one change, whose row is a part of its block's bytes.
type packed struct {
	row     string
	version int64
	hash    uint64 // of the key's cells
	key     int32  // length of the key's cells
	table   model.TableID
	gone    bool // a delete
	forgets bool // that nothing is to remember
}

var seed = maphash.MakeSeed()

func pack(b change.Block, shards int) (*packedBlock, error) {
	p := &packedBlock{bytes: make([]byte, 0, len(b)+len(b)/2), parts: make([]part, shards)}
	var rows []packed
	var ends []int
	err := b.Each(func(c change.Change) error {
		key, from := 0, len(p.bytes)
		t := c.Of()
		keys := len(t.Keys())
		for i := range c.Row {
			v := &c.Row[i]
			if want := &t.Columns[i]; v.Type != want.Type && (v.Type != model.Null || want.Required && (want.Key || !c.Delete)) {
				return fmt.Errorf("duckdb: write: column %s of %s in the row %s: got a value of type %d, wanted %d", want.Name, t.Name, keyText(c.Row[:keys]), v.Type, want.Type)
			}
			p.bytes = appendCell(p.bytes, v)
			if i == keys-1 {
				key = len(p.bytes) - from
			}
		}
		rows = append(rows, packed{version: c.Version(), key: int32(key), table: c.Table, gone: c.Delete, forgets: c.Forget})
		ends = append(ends, len(p.bytes))
		return nil
	})
	if err != nil {
		return nil, err
	}
	from := 0
	all := unsafe.String(unsafe.SliceData(p.bytes), len(p.bytes)) // only now, since bytes moved as it grew
	for i, r := range rows {
		r.row = all[from:ends[i]]
		from = ends[i]
		r.hash = maphash.String(seed, r.row[:r.key])
		to := &p.parts[r.hash%uint64(shards)]
		to.rows = append(to.rows, r)
		to.size += len(r.row)
	}
	for i := range p.parts {
		p.parts[i].block = p
	}
	return p, nil
}

func appendCell(b []byte, v *model.Value) []byte {
	b = append(b, byte(v.Type))
	switch v.Type {
	case model.Null:
	case model.String, model.Bytes:
		s := v.Str
		if v.Type == model.String {
			s = model.ValidText(s)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	case model.Bool:
		b = append(b, byte(v.Num))
	default:
		b = binary.LittleEndian.AppendUint64(b, uint64(v.Num))
	}
	return b
}

// keyText writes the cells of a key as a JSON array: how messages and the table of deletes name a row.
func keyText(cells []model.Value) string { return string(appendKeyText(nil, cells)) }

func appendKeyText(b []byte, cells []model.Value) []byte {
	b = append(b, '[')
	for i := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		b = cells[i].AppendJSON(b)
	}
	return append(b, ']')
}

// cell reads the first cell of a packed row and returns the rest.
func cell(row string) (model.Value, string) {
	v := model.Value{Type: model.Type(row[0])}
	row = row[1:]
	switch v.Type {
	case model.Null:
	case model.String, model.Bytes:
		n := int(le32(row))
		v.Str, row = row[4:4+n], row[4+n:]
	case model.Bool:
		v.Num, row = int64(row[0]), row[1:]
	default:
		v.Num, row = int64(le64(row)), row[8:]
	}
	return v, row
}

func le32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func le64(s string) uint64 { return uint64(le32(s)) | uint64(le32(s[4:]))<<32 }
