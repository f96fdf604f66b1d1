package jsonl

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
)

// Rewrite implements sink.Sink. The new files are written beside the old ones. Once all are there,
// a file says so; what is left to do then is done by whoever opens the directory next, too. So
// there is no time at which a part of the rows is new, and r.During is never needed.
func (w *writer) Rewrite(ctx context.Context, r sink.Rewriting) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	err := w.stageRewritten(ctx, r)
	if err == nil {
		err = w.placeRewritten()
	}
	if err != nil {
		w.err = fmt.Errorf("jsonl: rewrite rows of %s: %w", w.dir, err)
	}
	return w.err
}

// stageRewritten writes the new files.
func (w *writer) stageRewritten(ctx context.Context, r sink.Rewriting) error {
	for i := range r.Tables {
		t := w.tables[r.Tables[i].Table]
		if err := t.rewrite(ctx, &r.Tables[i]); err != nil {
			return err
		}
		if err := w.replace(t.file()+rewrittenSuffix, func(b *bufio.Writer) error { return t.lines(b, false) }); err != nil {
			return err
		}
	}
	return w.writeShape(rewrittenFile, r.After)
}

// rewrite rewrites the rows of a table in memory.
func (t *table) rewrite(ctx context.Context, r *sink.TableRewriting) error {
	entries := make(map[string]entry, len(t.entries))
	row := t.NewRow()
	for key, e := range t.entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if e.gone {
			entries[key] = e
			continue
		}
		if err := t.read(e, row); err != nil {
			return err
		}
		r.Apply(row)
		entries[t.sortKey(row)] = t.encode(change.Change{Table: t.ID, Row: row})
	}
	t.replace(entries)
	return nil
}

// placeRewritten moves rewritten files into their places if all of them were written.
func (w *writer) placeRewritten() error {
	b, err := os.ReadFile(filepath.Join(w.dir, rewrittenFile))
	if errors.Is(err, os.ErrNotExist) {
		return w.dropRewritten()
	}
	var s sink.Shape
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	for _, t := range w.tables {
		if err == nil {
			path := filepath.Join(w.dir, t.file())
			if err = os.Rename(path+rewrittenSuffix, path); errors.Is(err, os.ErrNotExist) {
				err = nil // it is not rewritten, or is in its place
			}
		}
	}
	if err == nil {
		err = w.writeShape(shapeFile, s)
	}
	if err == nil {
		err = os.Remove(filepath.Join(w.dir, rewrittenFile))
	}
	if err != nil {
		return fmt.Errorf("jsonl: put rewritten files of %s into their places: %w", w.dir, err)
	}
	return nil
}

// dropRewritten removes what a Rewrite left that ended early.
func (w *writer) dropRewritten() error {
	for _, t := range w.tables {
		err := os.Remove(filepath.Join(w.dir, t.file()+rewrittenSuffix))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("jsonl: remove what was not finished: %w", err)
		}
	}
	return nil
}
