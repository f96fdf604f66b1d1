package bigquery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"cloud.google.com/go/bigquery"
	"google.golang.org/api/iterator"

	"flexbeam/internal/span"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

// query runs a query with named parameters and calls f with each row of its answer. The row is
// valid until f returns.
func (w *Writer) query(ctx context.Context, sql string, f func([]bigquery.Value) error, parameters ...bigquery.QueryParameter) error {
	job, err := w.statement(ctx, fmt.Sprintf("flexbeam_query_%d_%d", time.Now().UnixNano(), rand.Uint32()), sql, parameters...)
	if err != nil {
		return explain(err)
	}
	ctx, p := w.config.timeLimit(ctx)
	defer p.end()
	it, err := job.Read(ctx)
	if err != nil {
		return explain(p.told(err))
	}
	var row []bigquery.Value
	for {
		if it.PageInfo().Remaining() == 0 {
			p.begin() // a request follows
		}
		switch err := it.Next(&row); {
		case errors.Is(err, iterator.Done):
			return nil
		case err != nil:
			return explain(p.told(err))
		}
		if err := f(row); err != nil {
			return err
		}
	}
}

// numbers runs a query that answers with a text and a number, and calls f with each row.
func (w *Writer) numbers(ctx context.Context, sql string, f func(text string, number int64), parameters ...bigquery.QueryParameter) error {
	return w.query(ctx, sql, func(row []bigquery.Value) error {
		text, ok := row[0].(string)
		number, ok2 := row[1].(int64)
		if !ok || !ok2 {
			return fmt.Errorf("an answer of %T and %T", row[0], row[1])
		}
		f(text, number)
		return nil
	}, parameters...)
}

// between are the parameters from and to.
func between(from, to time.Time) []bigquery.QueryParameter {
	return []bigquery.QueryParameter{{Name: "from", Value: from}, {Name: "to", Value: to}}
}

// Counts implements sink.Sink. A table is left out while BigQuery has not applied what was streamed
// to it: how many rows it has nobody can tell yet.
func (w *Writer) Counts(ctx context.Context) (map[string]int64, error) {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	var counted []*table
	for _, t := range tables[:len(model.Tables)] {
		meta, err := w.metadata(ctx, t)
		if err != nil {
			return nil, err
		}
		applied := meta.Labels[regimeLabel] != string(byStream) || staleness(meta) == 0
		if !applied {
			if applied, err = w.allApplied(ctx, t); err != nil {
				return nil, err
			}
		}
		if applied {
			counted = append(counted, t)
		}
	}
	m := map[string]int64{}
	if len(counted) == 0 {
		return m, nil
	}
	if err := w.numbers(ctx, countRows(counted, w.config.sql), func(name string, n int64) { m[name] = n }); err != nil {
		return nil, fmt.Errorf("bigquery: count rows of %s: %w", w.config, err)
	}
	return m, nil
}

// Owners implements sink.Sink.
func (w *Writer) Owners(ctx context.Context, id model.TableID, in span.Span, f func(model.Row) error) error {
	t := tables[id]
	if t.model.Owner.Kind == "" {
		return nil
	}
	return w.freshRows(ctx, t, t.model.OwnerColumns(), selectOwners(t, w.config.sql), f, between(timeOf(in.From), timeOf(in.To))...)
}

// Queries implements sink.Sink: what BigQuery says that it bills for.
func (w *Writer) Queries() sink.Queries {
	return sink.Queries{Count: w.queries.Load(), Billed: w.billed.Load()}
}

// Find implements sink.Sink. The query selects the rows that have any of the SIDs and any of the
// accounts, in two array parameters. Which pair of them a row has is checked here.
func (w *Writer) Find(ctx context.Context, id model.TableID, q model.OwnerQuery, f func(model.Row) error) error {
	t := tables[id]
	if t.model.Owner.Kind == "" || len(q.Owners) == 0 || q.From > q.To && t.day != "" {
		return nil
	}
	wanted, accounts := map[model.OwnerKey]bool{}, map[string]bool{}
	var sids []string
	for _, o := range q.Owners {
		o = model.OwnerKey{Account: model.ValidText(o.Account), SID: model.ValidText(o.SID)}
		if t.model.Owner.Account == "" {
			o.Account = ""
		}
		if !wanted[o] {
			sids = append(sids, o.SID)
		}
		wanted[o], accounts[o.Account] = true, true
	}
	parameters := []bigquery.QueryParameter{{Name: "sids", Value: sids}}
	if t.model.Owner.Account != "" {
		parameters = append(parameters, bigquery.QueryParameter{Name: "accounts", Value: slices.Sorted(maps.Keys(accounts))})
	}
	if t.day != "" {
		parameters = append(parameters, between(timeOf(q.From), timeOf(q.To))...)
	}
	spares, err := w.spares(ctx, t)
	if err != nil {
		return err
	}
	columns := q.Columns(t.model)
	return w.freshRows(ctx, t, columns, selectOwned(t, columns, w.config.sql), func(r model.Row) error {
		account, sid := t.model.OwnerKey(r)
		if !wanted[model.OwnerKey{Account: account, SID: sid}] {
			return nil
		}
		if spares {
			w.stored.note(t, r)
		}
		return f(r)
	}, parameters...)
}

// timeOf returns a time in ms as one that BigQuery can hold: what lies beyond becomes the nearest.
func timeOf(ms int64) time.Time {
	const first, last = -62_135_596_800_000, 253_402_300_799_999 // the years 1 to 9999
	return time.UnixMilli(min(max(ms, first), last)).UTC()
}

// rows runs a query that answers with some cells of a table, and calls f with each row. It is valid
// until f returns.
func (w *Writer) rows(ctx context.Context, t *table, cells []int, sql string, f func(model.Row) error, parameters ...bigquery.QueryParameter) error {
	row := make(model.Row, len(t.columns))
	return w.query(ctx, sql, func(values []bigquery.Value) error {
		if err := fill(t, row, cells, values); err != nil {
			return err
		}
		return f(row)
	}, parameters...)
}

// freshRows is rows, once the answers have what other jobs had streamed when the sink was opened.
func (w *Writer) freshRows(ctx context.Context, t *table, cells []int, sql string, f func(model.Row) error, parameters ...bigquery.QueryParameter) error {
	err := w.fresh(ctx, t)
	if err == nil {
		err = w.rows(ctx, t, cells, sql, f, parameters...)
	}
	if err != nil {
		return fmt.Errorf("bigquery: read rows of %s: %w", t.name, err)
	}
	return nil
}

// fill puts the values of an answer into cells of a row.
func fill(t *table, row model.Row, cells []int, values []bigquery.Value) error {
	for n, i := range cells {
		switch v := values[n].(type) {
		case nil:
			row[i] = model.Value{}
		case string:
			row[i] = model.Value{Type: model.String, Str: v}
		case time.Time:
			row[i] = model.Millis(v.UnixMilli())
		case int64:
			row[i] = model.Integer(v)
		case float64:
			row[i] = model.Number(v)
		case bool:
			row[i] = model.Boolean(v)
		case []byte:
			row[i] = model.Value{Type: model.Bytes, Str: string(v)}
		default:
			return fmt.Errorf("column %s has a %T", t.columns[i].name, v)
		}
	}
	return nil
}
