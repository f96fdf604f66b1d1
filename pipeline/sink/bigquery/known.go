package bigquery

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"

	"cloud.google.com/go/bigquery"

	"flexbeam/schemas/model"
)

// mergedLabel marks the tables that load jobs were merged into.
const mergedLabel = "flexbeam_merged"

// known holds the versions that BigQuery does not compare by itself when a change is streamed: those
// of merged rows, which have no change sequence number, and those of deletes, which BigQuery forgets
// after two days. Each takes about 40 bytes.
type known struct {
	tables []atomic.Bool // by table: whether it has any

	mu       sync.RWMutex
	versions map[[16]byte]int64
}

func newKnown() *known {
	return &known{tables: make([]atomic.Bool, len(tables)), versions: map[[16]byte]int64{}}
}

func hashKey(t *table, key []byte) (h [16]byte) {
	s := sha256.New()
	s.Write([]byte(t.name))
	s.Write(key)
	copy(h[:], s.Sum(nil))
	return h
}

func (k *known) add(t *table, key []byte, version int64) {
	h := hashKey(t, key)
	k.mu.Lock()
	if old, ok := k.versions[h]; !ok || old < version {
		k.versions[h] = version
	}
	k.mu.Unlock()
	k.tables[t.id].Store(true)
}

// read adds the versions of the rows of a table.
func (k *known) read(ctx context.Context, w *Writer, t *table) error {
	var b []byte
	return k.each(ctx, w, t, func(r model.Row) {
		b = t.appendKey(b[:0], r)
		k.add(t, b, r[len(r)-1].Num)
	})
}

// readDeletes adds the deletes that are remembered.
func (k *known) readDeletes(ctx context.Context, w *Writer) error {
	return k.each(ctx, w, deletesTable, func(r model.Row) {
		if m := model.Lookup(r[0].Str); m != nil {
			k.add(tables[m.ID], []byte(r[1].Str), r[2].Num)
		}
	})
}

// each calls f with the key and version of each row of a table.
func (k *known) each(ctx context.Context, w *Writer, t *table, f func(model.Row)) error {
	cells := append(t.keys[:len(t.keys):len(t.keys)], len(t.columns)-1)
	row := make(model.Row, len(t.columns))
	err := w.query(ctx, selectVersions(t, w.config.sql), func(values []bigquery.Value) error {
		if err := fill(t, row, cells, values); err != nil {
			return err
		}
		f(row)
		return nil
	})
	if err != nil {
		return fmt.Errorf("bigquery: read versions of %s: %w", t.name, err)
	}
	return nil
}

// about tells whether versions of a table are known.
func (k *known) about(t *table) bool { return k.tables[t.id].Load() }

// newer tells whether a version of the key is known that is greater than this one.
func (k *known) newer(t *table, key []byte, version int64) bool {
	if !k.about(t) {
		return false
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	v, ok := k.versions[hashKey(t, key)]
	return ok && v > version
}

// metadata reads what BigQuery says of a table.
func (w *Writer) metadata(ctx context.Context, t *table) (meta *bigquery.TableMetadata, err error) {
	err = w.retry(ctx, func(ctx context.Context) (err error) { meta, err = w.table(t).Metadata(ctx); return err })
	if err != nil {
		return nil, fmt.Errorf("bigquery: look at table %s: %w", t.name, explain(err))
	}
	return meta, nil
}
