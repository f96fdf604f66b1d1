package bigquery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"

	"cloud.google.com/go/bigquery"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// errOthers says why rows of a dataset cannot be rewritten now.
var errOthers = errors.New("another job writes there, or was killed within the last half hour: end it, or wait")

// rewriteBytes is how much is handed to the writing at once while rows are rewritten.
const rewriteBytes = 1 << 18

// Rewrite implements sink.Sink. The rows as they are go into tables of their own first. From there
// they are read, and written anew with their versions, by the regime of their table. So a Rewrite
// that ended early does the same once more, whatever had been written. A table that was kept and is
// gone is done.
func (w *Writer) Rewrite(ctx context.Context, r sink.Rewriting) error {
	err := w.rewrite(ctx, r)
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("bigquery: rewrite rows of %s: %w", w.config, err)
	}
	return nil
}

func (w *Writer) rewrite(ctx context.Context, r sink.Rewriting) error {
	if !w.config.apply {
		return fmt.Errorf("%w: with schema=none nothing is remembered of what shapes rows", sink.ErrNoRewrite)
	}
	if others, err := w.OtherJobs(ctx); err != nil {
		return err
	} else if others {
		return errOthers
	}
	was, err := w.Shape(ctx)
	if err != nil {
		return err
	}
	if was != r.During {
		for _, t := range r.Tables {
			if err := w.keep(ctx, tables[t.Table]); err != nil {
				return err
			}
		}
		if err := w.SetShape(ctx, r.During); err != nil {
			return err
		}
	}
	w.resend = true
	for i := range r.Tables {
		if err := w.rewriteTable(ctx, &r.Tables[i]); err != nil {
			return err
		}
	}
	if err := w.Flush(ctx); err != nil {
		return err
	}
	if n := w.letters.Load(); n > 0 {
		return fmt.Errorf("BigQuery refuses %d of them, which stay as they were, and the dead letters of class %s say why: write into a new dataset, and read everything again", n, Refused)
	}
	for _, t := range r.Tables {
		if err := w.drop(ctx, tables[t.Table]); err != nil {
			return err
		}
	}
	return w.SetShape(ctx, r.After)
}

// keptName is the table that holds the rows of a table as they were before a Rewrite.
func (t *table) keptName() string { return "flexbeam_rewrite_" + t.name }

func (w *Writer) kept(t *table) *bigquery.Table { return w.beside(t, t.keptName()) }

func (w *Writer) keptSQL(t *table) string {
	return "`" + w.config.project + "." + w.config.in(t) + "." + t.keptName() + "`"
}

// keep copies the rows of a table.
func (w *Writer) keep(ctx context.Context, t *table) error {
	if err := w.drop(ctx, t); err != nil { // of a Rewrite that did not get far
		return err
	}
	if err := w.fresh(ctx, t); err != nil {
		return err
	}
	var fields bigquery.Schema
	for _, c := range t.columns {
		fields = append(fields, &bigquery.FieldSchema{Name: c.name, Type: fieldTypes[c.kind]})
	}
	err := w.retry(ctx, func(ctx context.Context) error {
		return w.kept(t).Create(ctx, &bigquery.TableMetadata{Schema: fields, Labels: map[string]string{managedLabel: agent}, Description: "Rows of " + t.name + " that are being rewritten. It goes when they are."})
	})
	if err != nil && restStatus(err) != http.StatusConflict { // of our own making: an answer was lost
		return explain(err)
	}
	_, err = w.statement(ctx, fmt.Sprintf("flexbeam_rewrite_%s_%d", t.name, rand.Uint64()), insertKept(t, w.keptSQL(t), w.config.sql))
	if err != nil {
		return fmt.Errorf("copy %s: %w", t.name, explain(err))
	}
	return nil
}

// insertKept copies all rows of a table into the one that keeps them.
func insertKept(t *table, kept string, name func(string) string) string {
	columns := t.names(t.model.All())
	return "INSERT INTO " + kept + " (" + columns + ") SELECT " + columns + " FROM " + name(t.name)
}

// drop deletes the table with the rows of a table.
func (w *Writer) drop(ctx context.Context, t *table) error {
	err := w.retry(ctx, func(ctx context.Context) error { return w.kept(t).Delete(ctx) })
	if err != nil && restStatus(err) != http.StatusNotFound {
		return fmt.Errorf("delete %s: %w", t.keptName(), explain(err))
	}
	return nil
}

// rewriteTable writes the rows of a table that change.
func (w *Writer) rewriteTable(ctx context.Context, r *sink.TableRewriting) error {
	t := tables[r.Table]
	_, err := w.look(ctx, w.kept(t))
	if restStatus(err) == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return explain(err)
	}
	var b change.Block
	err = w.rows(ctx, t, t.model.All(), selectWhole(t, "", func(string) string { return w.keptSQL(t) }), func(row model.Row) error {
		if b = appendRewritten(b, t.model, r, row); len(b) < rewriteBytes {
			return ctx.Err()
		}
		err := w.Write(ctx, b)
		b = b[:0]
		return err
	})
	if err == nil && len(b) > 0 {
		err = w.Write(ctx, b)
	}
	return err
}

// appendRewritten appends what a row becomes: an upsert, and where its key is another one a delete
// of the old key, which nothing remembers. It appends nothing for a row that stays.
func appendRewritten(b change.Block, t *model.Table, r *sink.TableRewriting, row model.Row) change.Block {
	next := slices.Clone(row)
	r.Apply(next)
	if slices.Equal(next, row) {
		return b
	}
	b = b.Append(change.Change{Table: t.ID, Row: next})
	if string(t.AppendKey(nil, next)) == string(t.AppendKey(nil, row)) {
		return b
	}
	old := t.NewRow()
	for _, i := range t.Keys() {
		old[i] = row[i]
	}
	if i, ok := t.PartitionColumn(); ok {
		old[i] = row[i]
	}
	old[len(old)-1] = row[len(row)-1]
	return b.Append(change.Change{Table: t.ID, Delete: true, Forget: true, Row: old})
}
