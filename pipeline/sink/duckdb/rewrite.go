package duckdb

import (
	"context"
	"fmt"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

// Rewrite implements sink.Sink. Which rows are still to be rewritten is in the file, in a table for
// each table: a part of them goes from there in the transaction that rewrites the rows.
func (w *writer) Rewrite(ctx context.Context, r sink.Rewriting) error {
	s := w.store
	s.reading.Lock()
	defer s.reading.Unlock()
	return s.explain(s.rewrite(ctx, r))
}

func (s *store) rewrite(ctx context.Context, r sink.Rewriting) error {
	if err := s.beginRewrite(r); err != nil {
		return err
	}
	for i := range r.Tables {
		if err := s.rewriteTable(ctx, &r.Tables[i]); err != nil {
			return err
		}
	}
	end := "BEGIN;\n"
	for _, t := range r.Tables {
		end += "DROP TABLE " + left(t.Table) + ";\n"
	}
	if _, err := s.exec(end + shapeSQL(r.After) + "COMMIT"); err != nil {
		return s.undo(err)
	}
	_, err := s.exec("CHECKPOINT") // the log beside the file still has the old rows
	return err
}

// left returns the name of the table with the keys of the rows that are still to be rewritten,
// numbered by n.
func left(t model.TableID) string { return "flexbeam.rewrite_" + model.Tables[t].Name }

// beginRewrite notes all rows, unless that was done before.
func (s *store) beginRewrite(r sink.Rewriting) error {
	begun, err := s.number("SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'flexbeam' AND starts_with(table_name, 'rewrite_')")
	if err != nil || begun > 0 {
		return err
	}
	begin := "BEGIN;\n"
	for _, t := range r.Tables {
		begin += fmt.Sprintf("CREATE TABLE %s AS SELECT row_number() OVER () AS n, %s FROM %s;\n",
			left(t.Table), strings.Join(model.Tables[t.Table].KeyNames(), ", "), model.Tables[t.Table].Name)
	}
	_, err = s.exec(begin + shapeSQL(r.During) + "COMMIT")
	return s.undo(err)
}

// rewriteTable rewrites the rows of a table that are left, a part in each transaction.
func (s *store) rewriteTable(ctx context.Context, t *sink.TableRewriting) error {
	first, err := s.number("SELECT coalesce(min(n), 1) FROM " + left(t.Table))
	if err != nil {
		return err
	}
	end, err := s.number("SELECT coalesce(max(n), 0) FROM " + left(t.Table))
	if err != nil {
		return err
	}
	for ; first <= end; first += int64(s.config.limits.rewriteRows) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, err := s.exec("BEGIN"); err != nil {
			return err
		}
		err := s.rewritePart(ctx, t, fmt.Sprintf("n < %d", first+int64(s.config.limits.rewriteRows)))
		if err == nil {
			_, err = s.exec("COMMIT")
		}
		if err != nil {
			return s.undo(err)
		}
	}
	return nil
}

// rewritePart rewrites those of the rows that are left for which where holds.
func (s *store) rewritePart(ctx context.Context, t *sink.TableRewriting, where string) error {
	table, keys := model.Tables[t.Table].Name, model.Tables[t.Table].KeyNames()
	part := fmt.Sprintf("(FROM %s WHERE %s)", left(t.Table), where)
	if t.Empty != "" {
		on := make([]string, len(keys))
		for i, k := range keys {
			on[i] = fmt.Sprintf("t.%s = p.%s", k, k)
		}
		if _, err := s.exec(fmt.Sprintf("UPDATE %s AS t SET %s = NULL FROM %s AS p WHERE %s IS NOT NULL AND %s", table, t.Empty, part, t.Empty, strings.Join(on, " AND "))); err != nil {
			return err
		}
	}
	if len(t.Texts) > 0 {
		rows, err := s.rewritten(ctx, t, part)
		if err == nil && len(rows) > 0 && len(rows[0]) > 0 {
			err = s.update(t, rows)
		}
		if err != nil {
			return err
		}
	}
	_, err := s.exec(fmt.Sprintf("DELETE FROM %s WHERE %s", left(t.Table), where))
	return err
}

// rewritten returns the new rows of a part: a list for each column of the key as it was, and behind
// them for each of the texts.
func (s *store) rewritten(ctx context.Context, t *sink.TableRewriting, part string) ([][]string, error) {
	keys := model.Tables[t.Table].KeyNames()
	lists := make([][]string, len(keys)+len(t.Texts))
	var names []string
	for _, name := range append(keys[:len(keys):len(keys)], t.Texts...) {
		names = append(names, "t."+name)
	}
	query := fmt.Sprintf("SELECT %s FROM %s AS t JOIN %s AS p USING (%s)", strings.Join(names, ", "), model.Tables[t.Table].Name, part, strings.Join(keys, ", "))
	old := make([]string, len(t.Texts))
	err := s.texts(query, func(cells []string) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		copy(old, cells[len(keys):])
		t.Text(cells[len(keys):])
		same := true
		for i, c := range cells[len(keys):] {
			same = same && c == old[i]
		}
		if same {
			return nil
		}
		for i, c := range cells {
			lists[i] = append(lists[i], c)
		}
		return nil
	})
	return lists, err
}

// update writes what rewritten returned.
func (s *store) update(t *sink.TableRewriting, lists [][]string) error {
	keys := model.Tables[t.Table].KeyNames()
	var columns, set, on []string
	for i := range lists {
		columns = append(columns, fmt.Sprintf("unnest($%d) AS c%d", i+1, i))
	}
	for i, k := range keys {
		on = append(on, fmt.Sprintf("t.%s = r.c%d", k, i))
	}
	for i, name := range t.Texts {
		set = append(set, fmt.Sprintf("%s = nullif(r.c%d, '')", name, len(keys)+i))
	}
	query := fmt.Sprintf("UPDATE %s AS t SET %s FROM (SELECT %s) AS r WHERE %s",
		model.Tables[t.Table].Name, strings.Join(set, ", "), strings.Join(columns, ", "), strings.Join(on, " AND "))
	var r bindings.Result
	defer bindings.DestroyResult(&r)
	if message := s.query(query, lists, &r); message != "" {
		return fmt.Errorf("%s: %s", head(query), oneLine(message))
	}
	return nil
}

// undo ends the open transaction without a trace after an error, which it returns.
func (s *store) undo(err error) error {
	if err != nil {
		_, _ = s.exec("ROLLBACK") // fails where DuckDB has already done so
	}
	return err
}
