package bigquery

import (
	"context"
	"crypto/sha256"
	"fmt"

	"cloud.google.com/go/bigquery"

	"flexbeam/schemas/model"
)

// mergedLabel marks the tables that load jobs were merged into.
const mergedLabel = "flexbeam_merged"

// known holds the versions that BigQuery does not compare by itself when a change is streamed: those
// of merged rows, which have no change sequence number, and those of deletes, which BigQuery forgets
// after two days. Each takes about 40 bytes.
type known struct {
	versions map[[16]byte]int64
	tables   []bool // by table: whether it has any
}

func hashKey(t *table, key []byte) (h [16]byte) {
	s := sha256.New()
	s.Write([]byte(t.name))
	s.Write(key)
	copy(h[:], s.Sum(nil))
	return h
}

// known reads the versions from the tables with mergedLabel and from the memory of deletes.
func (w *Writer) known(ctx context.Context) (*known, error) {
	k := &known{versions: map[[16]byte]int64{}, tables: make([]bool, len(tables))}
	add := func(t *table, key []byte, version int64) {
		k.tables[t.id] = true
		h := hashKey(t, key)
		if old, ok := k.versions[h]; !ok || old < version {
			k.versions[h] = version
		}
	}
	read := func(t *table, f func(model.Row)) error {
		cells := append(t.keys[:len(t.keys):len(t.keys)], len(t.columns)-1)
		row := make(model.Row, len(t.columns))
		err := w.withoutStaleness(ctx, func() error {
			return w.query(ctx, selectVersions(t, w.config.sql), func(values []bigquery.Value) error {
				if err := fill(t, row, cells, values); err != nil {
					return err
				}
				f(row)
				return nil
			})
		}, t)
		if err != nil {
			return fmt.Errorf("bigquery: read versions of %s: %w", t.name, err)
		}
		return nil
	}
	var b []byte
	for _, t := range tables[:len(model.Tables)] {
		meta, err := w.metadata(ctx, t)
		if err != nil {
			return nil, err
		}
		if meta.Labels[mergedLabel] == "" {
			continue
		}
		err = read(t, func(r model.Row) {
			b = t.appendKey(b[:0], r)
			add(t, b, r[len(r)-1].Num)
		})
		if err != nil {
			return nil, err
		}
	}
	err := read(deletesTable, func(r model.Row) {
		if m := model.Lookup(r[0].Str); m != nil {
			add(tables[m.ID], []byte(r[1].Str), r[2].Num)
		}
	})
	return k, err
}

// about tells whether versions of a table are known.
func (k *known) about(t *table) bool { return k.tables[t.id] }

// newer tells whether a version of the key is known that is greater than this one.
func (k *known) newer(t *table, key []byte, version int64) bool {
	if !k.tables[t.id] {
		return false
	}
	v, ok := k.versions[hashKey(t, key)]
	return ok && v > version
}

// metadata reads what BigQuery says of a table.
func (w *Writer) metadata(ctx context.Context, t *table) (meta *bigquery.TableMetadata, err error) {
	ref := w.rest.DatasetInProject(w.config.project, w.config.in(t)).Table(t.name)
	err = w.retry(ctx, func(ctx context.Context) (err error) { meta, err = ref.Metadata(ctx); return err })
	if err != nil {
		return nil, fmt.Errorf("bigquery: look at table %s: %w", t.name, explain(err))
	}
	return meta, nil
}

// streamed tells whether any table is being streamed to, in which case BigQuery refuses to merge.
func (w *Writer) streamed(ctx context.Context) (bool, error) {
	for _, t := range tables {
		meta, err := w.metadata(ctx, t)
		if err != nil {
			return false, err
		}
		if meta.StreamingBuffer != nil {
			return true, nil
		}
	}
	return false, nil
}
