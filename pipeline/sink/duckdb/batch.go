package duckdb

import (
	"runtime"
	"unsafe"

	"flexbeam/schemas/model"
)

// A batch gathers the changes of one table that are settled together: of each key the one that
// stays, by version and then by order (contract, section 7).
type batch struct {
	table  *model.Table
	shard  int
	limits *limits
	rows   []packed
	index  map[string]int32 // by the key's cells
	size   int              // bytes of all rows that came, also of those that did not stay

	blocks []*packedBlock // where the rows are
	texts  []string       // of the keys, where they were asked for
	pinner runtime.Pinner

	selected []int32 // the rows that DuckDB reads now

	stored     bool                // the file may have rows of this table
	remembered bool                // the file may have deletes of this table
	seen       map[uint64]struct{} // hashes of all keys that the file may have; nil when they are too many or came from before

	smalls          int     // small batches in a row that were settled by reading keys
	rowids, deletes *rowids // of the table and of its deletes; nil: rows are found by their keys
	inserted        bool    // there are rows whose rowids are not known yet
	located         []int64 // by row, while a statement runs that finds rows by rowid
}

func newBatch(t *model.Table, shard int, l *limits, stored, remembered bool) *batch {
	b := &batch{table: t, shard: shard, limits: l, index: map[string]int32{}, stored: stored, remembered: remembered}
	if !stored && !remembered {
		b.seen = map[uint64]struct{}{}
	}
	return b
}

func (b *batch) add(from *packedBlock, p packed) {
	if n := len(b.blocks); n == 0 || b.blocks[n-1] != from {
		b.blocks = append(b.blocks, from)
	}
	b.size += len(p.row)
	key := p.row[:p.key]
	if i, ok := b.index[key]; ok {
		if p.version >= b.rows[i].version {
			b.rows[i] = p
		}
		return
	}
	b.index[key] = int32(len(b.rows))
	b.rows = append(b.rows, p)
}

// allNew tells whether the file can have none of the batch's keys.
func (b *batch) allNew() bool {
	if b.seen == nil {
		return false
	}
	for i := range b.rows {
		if _, ok := b.seen[b.rows[i].hash]; ok {
			return false
		}
	}
	return true
}

// settled notes that the file has the batch's keys now.
func (b *batch) settled() {
	for i := range b.rows {
		b.stored = b.stored || !b.rows[i].gone
		b.remembered = b.remembered || b.rows[i].gone
		if b.seen != nil {
			b.seen[b.rows[i].hash] = struct{}{}
		}
	}
	if len(b.seen) > b.limits.seenKeys {
		b.seen = nil
	}
}

// pin keeps the rows in place while DuckDB has pointers into them, until reset.
func (b *batch) pin() {
	for _, p := range b.blocks {
		b.pinner.Pin(unsafe.SliceData(p.bytes))
	}
}

func (b *batch) reset() {
	b.pinner.Unpin()
	clear(b.rows)
	clear(b.index)
	clear(b.blocks)
	clear(b.texts)
	b.rows, b.blocks, b.texts, b.selected, b.size = b.rows[:0], b.blocks[:0], b.texts[:0], b.selected[:0], 0
}

// choose selects the rows that DuckDB reads next and returns their number.
func (b *batch) choose(which func(i int) bool) int {
	b.selected = b.selected[:0]
	for i := range b.rows {
		if which(i) {
			b.selected = append(b.selected, int32(i))
		}
	}
	return len(b.selected)
}

// keyText returns the key of a row as text. The text stays in place until reset.
func (b *batch) keyText(i int32) string {
	for len(b.texts) < len(b.rows) {
		b.texts = append(b.texts, "")
	}
	if b.texts[i] == "" {
		var cells [8]model.Value
		rest := b.rows[i].row
		n := len(b.table.Keys())
		for c := range n {
			cells[c], rest = cell(rest)
		}
		text := appendKeyText(nil, cells[:n])
		b.pinner.Pin(unsafe.SliceData(text))
		b.texts[i] = unsafe.String(unsafe.SliceData(text), len(text))
	}
	return b.texts[i]
}
