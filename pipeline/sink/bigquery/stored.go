package bigquery

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"cloud.google.com/go/bigquery"
	"github.com/cespare/xxhash/v2"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A job that has an end sends no row of which a table of change data capture has the same version,
// or a greater one: a row that is sent costs, and applying it costs more. Of rows with an owner Find
// tells the versions, since the rules look these up before they give a row. Changes of other tables
// are held back until there are some thousands, and looked up by their keys.

// The bounds of what is held in memory for that.
const (
	heldRows   = 10_000
	notedRows  = 2_000_000 // of about 40 bytes
	lookUpKeys = 5_000
)

// stored knows versions of rows that the dataset holds.
type stored struct {
	mu     sync.Mutex
	noted  map[uint64]int64 // by hash of table and key, until the row is written
	any    atomic.Bool      // there are noted ones
	spared atomic.Int64     // rows that were not sent
	spares map[*table]bool  // by table: whether its rows are to be spared
}

// spares tells whether the job sends no row of a table of which that has the version already.
func (w *Writer) spares(ctx context.Context, t *table) (bool, error) {
	if !w.bounded || w.resend {
		return false, nil
	}
	s := &w.stored
	s.mu.Lock()
	defer s.mu.Unlock()
	if yes, known := s.spares[t]; known {
		return yes, nil
	}
	meta, err := w.metadata(ctx, t)
	if err != nil {
		return false, err
	}
	if s.spares == nil {
		s.spares = map[*table]bool{}
	}
	s.spares[t] = meta.Labels[regimeLabel] == string(byStream)
	return s.spares[t], nil
}

func storedKey(t *table, r model.Row) uint64 {
	return xxhash.Sum64(t.appendKey(append(make([]byte, 0, 128), t.name...), r))
}

// note remembers the version of a row that was found.
func (s *stored) note(t *table, r model.Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.noted == nil {
		s.noted = map[uint64]int64{}
	}
	if len(s.noted) < notedRows {
		s.noted[storedKey(t, r)] = r[len(r)-1].Num
		s.any.Store(true)
	}
}

// has tells whether the dataset has the row of an upsert with the same version or a greater one. What
// was noted of the row is forgotten: from now on this job has written it.
func (s *stored) has(t *table, c change.Change) bool {
	if !s.any.Load() {
		return false
	}
	key := storedKey(t, c.Row)
	s.mu.Lock()
	defer s.mu.Unlock()
	version, ok := s.noted[key]
	delete(s.noted, key)
	if !ok || c.Delete || version < c.Version() {
		return false
	}
	s.spared.Add(1)
	return true
}

// tell says how many rows were not sent.
func (s *stored) tell() {
	if n := s.spared.Swap(0); n > 0 {
		slog.Info("rows were not sent since BigQuery has the same version of them, or a greater one; --reshape sends those of the same version", "rows", n)
	}
}

// A holder holds changes back until it is known which of them the dataset has.
type holder struct {
	sink *Writer
	put  func(context.Context, change.Change, change.Block) error

	mu    sync.Mutex
	lists []heldList // by model.TableID
}

type heldList struct {
	block change.Block
	rows  int
}

// add takes a change, and puts it now or later: later in a table all of whose rows Find does not
// tell of. It comes from a block.
func (h *holder) add(ctx context.Context, t *table, c change.Change, b change.Block) error {
	if o := t.model.Owner; o.Kind != "" && o.Only == "" {
		return h.put(ctx, c, b)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	l := &h.lists[t.id]
	l.block = l.block.Append(c)
	if l.rows++; l.rows < heldRows {
		return nil
	}
	return h.release(ctx, t)
}

// flush puts all that is held.
func (h *holder) flush(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.lists {
		if err := h.release(ctx, tables[i]); err != nil {
			return err
		}
	}
	return nil
}

// release looks up which changes of a table the dataset has, and puts the others.
func (h *holder) release(ctx context.Context, t *table) error {
	l := &h.lists[t.id]
	if l.rows == 0 {
		return nil
	}
	column := t.keys[len(t.keys)-1]
	texts := map[string]bool{}
	err := l.block.Each(func(c change.Change) error {
		texts[model.ValidText(c.Row[column].Str)] = true
		return nil
	})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(slices.Collect(maps.Keys(texts)), lookUpKeys) {
		if err := h.sink.noteVersions(ctx, t, some); err != nil {
			return err
		}
	}
	err = l.block.Each(func(c change.Change) error {
		clean(c.Row)
		if h.sink.stored.has(t, c) {
			return nil
		}
		return h.put(ctx, c, l.block)
	})
	l.block, l.rows = l.block[:0], 0
	return err
}

// noteVersions notes the versions of the rows whose last column of the key is one of some texts.
func (w *Writer) noteVersions(ctx context.Context, t *table, texts []string) error {
	return w.freshRows(ctx, t, t.versionCells(), selectVersionsOf(t, w.config.sql), func(r model.Row) error {
		w.stored.note(t, r)
		return nil
	}, bigquery.QueryParameter{Name: "texts", Value: texts})
}

// selectVersionsOf asks for the versions of the rows whose last column of the key is in the
// parameter texts.
func selectVersionsOf(t *table, name func(string) string) string {
	keys := t.keyNames()
	return versionsOf(t, name) + " WHERE " + keys[len(keys)-1] + " IN UNNEST(@texts)"
}
