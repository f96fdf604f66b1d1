package bigquery

import (
	"context"
	"strings"

	"cloud.google.com/go/bigquery"

	"flexbeam/schemas/model"
)

// Rows implements sink.Sink. Like all that reads, it waits until BigQuery has applied what others had
// streamed when the sink was opened.
func (w *Writer) Rows(ctx context.Context, id model.TableID, column string, texts []string, f func(model.Row) error) error {
	t := tables[id]
	var parameters []bigquery.QueryParameter
	if column != "" {
		valid := make([]string, len(texts))
		for i, s := range texts {
			valid[i] = validText(s)
		}
		parameters = append(parameters, bigquery.QueryParameter{Name: "texts", Value: valid})
	}
	return w.freshRows(ctx, t, allColumns(t), selectWhole(t, column, w.config.sql), f, parameters...)
}

// selectWhole asks for whole rows: those in which a column is one of the parameter texts, or all.
func selectWhole(t *table, column string, name func(string) string) string {
	sql := "SELECT " + strings.Join(t.names(), ", ") + " FROM " + name(t.name)
	if column != "" {
		sql += " WHERE " + column + " IN UNNEST(@texts)"
	}
	return sql
}

// names lists the columns.
func (t *table) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// allColumns lists the indexes of the columns.
func allColumns(t *table) []int {
	all := make([]int, len(t.columns))
	for i := range all {
		all[i] = i
	}
	return all
}
