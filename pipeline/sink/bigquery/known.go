package bigquery

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/internal/span"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// mergedLabel marks the tables that load jobs were merged into. Its value is the greatest version of
// a row that was; "yes" of an earlier version, which did not say.
const mergedLabel = "flexbeam_merged"

// mergedVersion returns the greatest version that the label of a table tells of; ok is false where
// nothing was merged.
func mergedVersion(meta *bigquery.TableMetadata) (greatest int64, ok bool) {
	label, ok := meta.Labels[mergedLabel]
	if !ok || label == "" {
		return 0, false
	}
	greatest, err := strconv.ParseInt(label, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return greatest, true
}

// known holds the versions that BigQuery does not compare by itself when a change is streamed: those
// of merged rows, which have no change sequence number, and those of deletes, which BigQuery forgets
// after two days.
//
// Of a table with partitions both are read for the days that changes are of, and keyed.Around days on
// both sides, when the first change of a day comes: about 40 bytes of memory for each row. Merged rows
// of a table without partitions are looked up by their keys, those of many changes together, and only
// for changes that are older than the newest merged row. Of the deletes there those of the last
// deletedFor are known.
type known struct {
	sink *Writer
	of   []memory // by table
}

// deletedFor is how long a delete of a table without partitions is remembered: as long as the state
// of a task and its tombstone are kept, after which no job has an older change of the row.
const deletedFor = 2 * keyed.Around * 24 * time.Hour

// A memory is what is known of one table.
type memory struct {
	deleted atomic.Bool           // rows of it were deleted before this job
	merged  atomic.Pointer[int64] // the greatest version that was merged; nil: nothing was
	covered atomic.Pointer[span.Set]
	loading sync.Mutex

	mu       sync.RWMutex
	versions map[[16]byte]int64

	asking  sync.Mutex
	waiting change.Block // changes of rows that have to be looked up first
	count   int
}

func newKnown(w *Writer) *known {
	k := &known{sink: w, of: make([]memory, len(tables))}
	for i := range k.of {
		k.of[i].versions = map[[16]byte]int64{}
		k.of[i].covered.Store(&span.Set{})
	}
	return k
}

func hashKey(key []byte) (h [16]byte) {
	sum := sha256.Sum256(key)
	copy(h[:], sum[:])
	return h
}

func (m *memory) add(key []byte, version int64) {
	h := hashKey(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.versions[h]; !ok || old < version {
		m.versions[h] = version
	}
}

// about tells whether there may be a version that BigQuery does not compare.
func (m *memory) about() bool { return m.deleted.Load() || m.merged.Load() != nil }

// newer tells whether a version of the key is known that is greater than this one.
func (m *memory) newer(key []byte, version int64) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.versions[hashKey(key)]
	return ok && v > version
}

// readDeleted notes of which tables rows were deleted.
func (k *known) readDeleted(ctx context.Context) error {
	err := k.sink.query(ctx, selectDeleted(k.sink.config.sql), func(values []bigquery.Value) error {
		name, _ := values[0].(string)
		if m := model.Lookup(name); m != nil {
			k.of[m.ID].deleted.Store(true)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("bigquery: ask of which tables deletes are remembered: %w", err)
	}
	return nil
}

// needs returns the span of which the deletes and merged rows have to be known for a change; ok is
// false where its row does not tell of which day it is.
func (k *known) needs(t *table, r model.Row) (in span.Span, ok bool) {
	if t.day == "" {
		return span.All, true
	}
	at := t.model.Get(r, t.day)
	return span.Days(at.Num, keyed.Around), !at.IsNull()
}

// cover reads what has to be known for a change, and for the others of its block.
func (k *known) cover(ctx context.Context, t *table, r model.Row, b change.Block) error {
	m := &k.of[t.id]
	in, ok := k.needs(t, r)
	if !ok || m.covered.Load().Covers(in) {
		return nil
	}
	m.loading.Lock()
	defer m.loading.Unlock()
	covered := *m.covered.Load()
	if covered.Covers(in) {
		return nil
	}
	wanted := span.Set{in}
	err := b.Each(func(c change.Change) error {
		if tables[c.Table] != t {
			return nil
		}
		if one, ok := k.needs(t, c.Row); ok {
			wanted = wanted.Add(one)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, in := range covered.Missing(wanted).AtMost(mostSpans) {
		if err := k.read(ctx, t, in, len(covered) == 0); err != nil {
			return err
		}
		covered = covered.Add(in)
	}
	m.covered.Store(&covered)
	return nil
}

// mostSpans is of how many spans versions are asked for one after the other.
const mostSpans = 8

// read adds the versions of a span. first tells that deletes are read too that do not tell their
// time.
func (k *known) read(ctx context.Context, t *table, in span.Span, first bool) error {
	m, w := &k.of[t.id], k.sink
	if m.deleted.Load() {
		from, to := timeOf(in.From), timeOf(in.To)
		if t.day == "" {
			from = w.reading.opened.Add(-deletedFor)
		}
		err := w.numbers(ctx, selectDeletes(t, w.config.sql, first), func(key string, version int64) { m.add([]byte(key), version) }, between(from, to)...)
		if err != nil {
			return fmt.Errorf("bigquery: read deletes of %s: %w", t.name, err)
		}
	}
	if m.merged.Load() == nil || t.day == "" {
		return nil
	}
	return w.versions(ctx, t, selectVersions(t, w.config.sql, nil), m.add, between(timeOf(in.From), timeOf(in.To))...)
}

// versions calls f with the keys and versions that a query of selectVersions answers.
func (w *Writer) versions(ctx context.Context, t *table, sql string, f func(key []byte, version int64), parameters ...bigquery.QueryParameter) error {
	var key []byte
	err := w.rows(ctx, t, t.versionCells(), sql, func(r model.Row) error {
		key = t.appendKey(key[:0], r)
		f(key, r[len(r)-1].Num)
		return nil
	}, parameters...)
	if err != nil {
		return fmt.Errorf("bigquery: read versions of %s: %w", t.name, err)
	}
	return nil
}

// asks tells whether the row of a change has to be looked up by its key: an older one than the newest
// that was merged, in a table without partitions or of a day that is not known.
func (k *known) asks(t *table, c change.Change) bool {
	merged := k.of[t.id].merged.Load()
	if merged == nil || c.Version() >= *merged {
		return false
	}
	_, ok := k.needs(t, c.Row)
	return t.day == "" || !ok
}

// A passFunc takes a change that is not older than what is there.
type passFunc func(context.Context, change.Change) error

// lookupRows is of how many changes the rows are looked up together.
const lookupRows = 10000

// wait keeps a change until its row is looked up, and then gives it to pass. The changes of a table
// pass in their order.
func (k *known) wait(ctx context.Context, t *table, c change.Change, pass passFunc) error {
	m := &k.of[t.id]
	m.asking.Lock()
	defer m.asking.Unlock()
	m.waiting = m.waiting.Append(c)
	if m.count++; m.count < lookupRows {
		return nil
	}
	return k.lookup(ctx, t, pass)
}

// passAll gives all that waits to pass.
func (k *known) passAll(ctx context.Context, pass passFunc) error {
	for i := range k.of {
		m := &k.of[i]
		m.asking.Lock()
		err := k.lookup(ctx, tables[i], pass)
		m.asking.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// lookup gives what waits to pass, but for what is older than the row that is there. The caller holds
// m.asking.
func (k *known) lookup(ctx context.Context, t *table, pass passFunc) error {
	m, w := &k.of[t.id], k.sink
	if m.count == 0 {
		return nil
	}
	var rows []model.Row
	err := m.waiting.Each(func(c change.Change) error {
		rows = append(rows, append(model.Row(nil), c.Row...))
		return nil
	})
	if err != nil {
		return err
	}
	there := map[string]int64{}
	parameters := keyParameters(t, rows)
	if t.day != "" { // rows that do not tell their day
		parameters = append(parameters, between(timeOf(math.MinInt64), timeOf(math.MaxInt64))...)
	}
	err = w.versions(ctx, t, selectVersions(t, w.config.sql, t.textKeys()), func(key []byte, version int64) { there[string(key)] = version }, parameters...)
	if err != nil {
		return err
	}
	waiting := m.waiting
	m.waiting, m.count = nil, 0
	var key []byte
	return waiting.Each(func(c change.Change) error {
		key = t.appendKey(key[:0], c.Row)
		if v, ok := there[string(key)]; ok && v > c.Version() {
			return nil
		}
		return pass(ctx, c)
	})
}

// keyParameters are the texts of the keys of rows, by column.
func keyParameters(t *table, rows []model.Row) (all []bigquery.QueryParameter) {
	for n, i := range t.textKeys() {
		seen := map[string]bool{}
		texts := []string{}
		for _, r := range rows {
			if s := r[i].Str; !seen[s] {
				texts = append(texts, s)
				seen[s] = true
			}
		}
		all = append(all, bigquery.QueryParameter{Name: fmt.Sprint("key", n), Value: texts})
	}
	return all
}

// metadata reads what BigQuery says of a table.
func (w *Writer) metadata(ctx context.Context, t *table) (meta *bigquery.TableMetadata, err error) {
	if meta, err = w.look(ctx, w.table(t)); err != nil {
		return nil, fmt.Errorf("bigquery: look at table %s: %w", t.name, explain(err))
	}
	return meta, nil
}
