// Package jsonl settles changes in a directory of JSON lines: the sink jsonl:DIR.
//
// # What it promises
//
// The directory has a file for every table of the model, TABLE.jsonl, also for empty ones: a line
// for each row, with all columns in order, nulls as null, sorted by primary key (texts in byte
// order, times by time). Equal rows give equal bytes. Changes settle by key and version (contract,
// section 7), also against what is in the directory already; deletes are remembered in
// deletes.jsonl. A job with --state gives the directory an identity, in .id.
//
// A Flush replaces the files that changed, each as a whole: a reader sees the old or the new one,
// also after a kill (a power cut is another matter: files are not synced). Between flushes
// everything is in memory, so this sink is for tests, examples and small accounts. One process
// writes to a directory at a time.
package jsonl

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"flexbeam/internal/filelock"
	"flexbeam/internal/uri"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

func init() {
	sink.Register("jsonl", open)
	sink.RegisterForm("jsonl", func(rest string) error { _, err := directory(rest); return err })
}

// directory returns the directory that a URI names.
func directory(rest string) (dir string, err error) {
	if dir, err = (uri.Options{}).Parse(rest, "jsonl:DIR"); err != nil {
		err = fmt.Errorf("jsonl: %w: %w", sink.ErrURI, err)
	}
	return dir, err
}

var errClosed = errors.New("jsonl: sink is closed")

// A writer is the sink.
type writer struct {
	dir   string
	lock  *os.File
	place filelock.Place // of the lock

	mu           sync.Mutex
	tables       []*table // by TableID
	deletesStale bool     // deletes.jsonl is behind
	err          error    // the first one; every call returns it
}

func open(_ context.Context, rest string, _ sink.Options) (sink.Sink, error) {
	dir, err := directory(rest)
	if err != nil {
		return nil, err
	}
	if fi, err := os.Stat(dir); err == nil && !fi.IsDir() {
		return nil, fmt.Errorf("jsonl: open %s: it is a file: name a directory", dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("jsonl: create directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	w := &writer{dir: dir, lock: lock}
	for _, t := range model.Tables {
		w.tables = append(w.tables, newTable(t))
	}
	if w.place, err = filelock.PlaceOf(lock.Name()); err == nil {
		err = w.placeRewritten()
	}
	if err == nil {
		err = w.load()
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return w, nil
}

// ID implements sink.Sink.
func (w *writer) ID(context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, err := os.ReadFile(filepath.Join(w.dir, idFile))
	if err == nil && len(b) > 0 {
		return string(b), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("jsonl: which directory is %s: %w", w.dir, err)
	}
	id := rand.Text()
	return id, w.replace(idFile, func(b *bufio.Writer) error {
		_, err := b.WriteString(id)
		return err
	})
}

// Shape implements sink.Sink.
func (w *writer) Shape(context.Context) (s sink.Shape, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, err := os.ReadFile(filepath.Join(w.dir, shapeFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return s, fmt.Errorf("jsonl: read what shapes the rows of %s: %w", w.dir, err)
	}
	return s, nil
}

// SetShape implements sink.Sink.
func (w *writer) SetShape(_ context.Context, s sink.Shape) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writeShape(shapeFile, s)
}

func (w *writer) writeShape(name string, s sink.Shape) error {
	return w.replace(name, func(b *bufio.Writer) error { return json.NewEncoder(b).Encode(s) })
}

// Write implements sink.Sink.
func (w *writer) Write(_ context.Context, b change.Block) error {
	type settled struct {
		table *table
		key   string
		entry entry
	}
	var all []settled
	err := b.Each(func(c change.Change) error {
		t := w.tables[c.Table]
		key, err := t.check(c)
		if err != nil {
			return err
		}
		all = append(all, settled{t, key, t.encode(c)})
		return nil
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	for _, s := range all {
		if old, ok := s.table.entries[s.key]; s.table.settle(s.key, s.entry) {
			w.deletesStale = w.deletesStale || s.entry.gone || ok && old.gone
		}
	}
	return nil
}

// Flush implements sink.Sink.
func (w *writer) Flush(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

// flush writes tables before deletes: when it is cut off between them, load finds both and the row
// counts.
func (w *writer) flush() error {
	if w.err == nil {
		w.err = w.there()
	}
	if w.err != nil {
		return w.err
	}
	for _, t := range w.tables {
		if t.stale {
			if w.err = w.writeTable(t); w.err != nil {
				return w.err
			}
			t.stale = false
		}
	}
	if w.deletesStale {
		if w.err = w.writeDeletes(); w.err != nil {
			return w.err
		}
		w.deletesStale = false
	}
	return nil
}

// there returns an error if the directory is not at its place any more.
func (w *writer) there() error {
	if err := w.place.Check("the directory " + w.dir); err != nil {
		return fmt.Errorf("jsonl: %w: what was written since it began may be lost: read everything again, and of a stream with a new --state", err)
	}
	return nil
}

// Counts implements sink.Sink.
func (w *writer) Counts(context.Context) (map[string]int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, w.err
	}
	m := make(map[string]int64, len(w.tables))
	for _, t := range w.tables {
		m[t.Name] = int64(t.rows)
	}
	return m, nil
}

// Close implements sink.Sink.
func (w *writer) Close(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == errClosed {
		return nil
	}
	err := w.flush()
	w.err = errClosed
	return errors.Join(err, w.lock.Close())
}
