package duckdb

import (
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"

	"flexbeam/schemas/model"
)

// rowids knows the rowid of every row of a table whose key belongs to a shard, by a hash of the key.
//
// To find rows by a key of two columns, DuckDB reads the key of every row. The small batches of a
// stream would therefore take ever longer as the table grows. A row whose rowid is known is found at
// once. DuckDB numbers rows in the order of the commits, and a row keeps its rowid while the table has
// an index, which all tables of the file have.
//
// A key whose hash has no rowid is not in the table. Two keys may have one hash, so the key of a row
// that was found is compared as well, and keys with equal hashes are searched without rowids.
type rowids struct {
	of    map[uint64]int64
	next  int64 // rows before it are known
	query string
	hash  func(cells []string) (hash uint64, mine bool, err error)
}

// tableRowids returns the rowids of a batch's table.
func tableRowids(b *batch, shards int) *rowids {
	columns := b.table.Keys()
	list := []string{"rowid::VARCHAR"}
	for _, i := range columns {
		if c := &b.table.Columns[i]; c.Type == model.Timestamp {
			list = append(list, "epoch_ms("+c.Name+")::VARCHAR")
		} else {
			list = append(list, c.Name)
		}
	}
	var packed []byte
	return &rowids{
		of:    map[uint64]int64{},
		query: "SELECT " + strings.Join(list, ", ") + " FROM " + b.table.Name + " WHERE rowid >= ",
		hash: func(cells []string) (uint64, bool, error) {
			packed = packed[:0]
			for n, i := range columns {
				v := model.Text(cells[n])
				if b.table.Columns[i].Type == model.Timestamp {
					ms, err := strconv.ParseInt(cells[n], 10, 64)
					if err != nil {
						return 0, false, err
					}
					v = model.Millis(ms)
				}
				packed = appendCell(packed, &v)
			}
			h := maphash.Bytes(seed, packed)
			return h & b.limits.hashMask, h%uint64(shards) == uint64(b.shard), nil
		},
	}
}

// ambiguous stands for the rowids of several keys.
const ambiguous = -1

// deleteRowids returns the rowids of the remembered deletes of a batch's table. It holds those of all
// shards, since a delete's key does not tell the shard.
func deleteRowids(b *batch) *rowids {
	return &rowids{
		of:    map[uint64]int64{},
		query: "SELECT rowid::VARCHAR, key FROM flexbeam.deletes WHERE table_name = '" + b.table.Name + "' AND rowid >= ",
		hash:  func(cells []string) (uint64, bool, error) { return b.textHash(cells[0]), true, nil },
	}
}

// textHash returns the hash by which rowids know a delete.
func (b *batch) textHash(key string) uint64 { return maphash.String(seed, key) & b.limits.hashMask }

// learn reads the rowids of what was committed since the last call. They are greater than all earlier
// ones, since this shard's own commits come later.
func (r *rowids) learn(c *conn) error {
	return c.texts(r.query+strconv.FormatInt(r.next, 10), func(cells []string) error {
		id, err := strconv.ParseInt(cells[0], 10, 64)
		if err != nil {
			return err
		}
		h, mine, err := r.hash(cells[1:])
		if err != nil {
			return err
		}
		r.next = max(r.next, id+1)
		if !mine {
			return nil
		}
		if _, ok := r.of[h]; ok {
			id = ambiguous
		}
		r.of[h] = id
		return nil
	})
}

// small tells whether a batch's rows are to be found by rowid. It reads the rowids of the table once
// enough small batches came in a row.
func (s *shard) small(b *batch) (bool, error) {
	l := b.limits
	if len(b.rows) > l.smallRows {
		b.smalls = 0
		return b.rowids != nil && len(b.rows) <= 4*l.smallRows, nil
	}
	if b.rowids != nil {
		return true, nil
	}
	if b.smalls++; b.smalls < l.smallBatches {
		return false, nil
	}
	b.smalls = 0
	n, err := s.conn.number("SELECT count(*) FROM " + b.table.Name)
	if err != nil || n < int64(l.tableRows) || n > int64(l.mostRowids) {
		return false, err
	}
	if err := s.commit(); err != nil { // rows get their numbers then
		return false, err
	}
	b.rowids, b.deletes = tableRowids(b, s.store.config.writers), deleteRowids(b)
	return true, b.learn(s.conn)
}

// learn brings the rowids up to date, if there are any.
func (b *batch) learn(c *conn) error {
	if b.rowids == nil {
		return nil
	}
	b.inserted = false
	for _, r := range []*rowids{b.rowids, b.deletes} {
		if err := r.learn(c); err != nil {
			return fmt.Errorf("duckdb: find the rows of %s: %w", b.table.Name, err)
		}
	}
	if most := b.limits.mostRowids; len(b.rowids.of) > most || len(b.deletes.of) > most {
		b.unlearn()
	}
	return nil
}

// unlearn forgets all rowids: rows are found by their keys again.
func (b *batch) unlearn() { b.rowids, b.deletes, b.inserted = nil, nil, false }

// hash returns the hash by which rowids know a row.
func (b *batch) hash(r *rowids, i int) uint64 {
	if r == b.deletes {
		return b.textHash(b.keyText(int32(i)))
	}
	return b.rows[i].hash & b.limits.hashMask
}

// locate notes the rowids of a batch's rows, or of their remembered deletes, and selects the rows that
// have one. certain is false when a row's hash is that of several keys.
func (b *batch) locate(r *rowids) (certain bool) {
	b.located = append(b.located[:0], make([]int64, len(b.rows))...)
	certain = true
	b.choose(func(i int) bool {
		id, ok := r.of[b.hash(r, i)]
		b.located[i] = id
		certain = certain && id != ambiguous
		return ok
	})
	return certain
}

// gone forgets the rowid of a row that was deleted.
func (b *batch) gone(r *rowids, i int) {
	if h := b.hash(r, i); r.of[h] != ambiguous {
		delete(r.of, h)
	}
}
