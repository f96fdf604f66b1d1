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
		parameters = append(parameters, bigquery.QueryParameter{Name: "texts", Value: model.ValidTexts(texts)})
	}
	return w.freshRows(ctx, t, t.model.All(), selectWhole(t, column, w.config.sql), f, parameters...)
}

// selectWhole asks for whole rows: those in which a column is one of the parameter texts, or all.
func selectWhole(t *table, column string, name func(string) string) string {
	sql := "SELECT " + t.names(t.model.All()) + " FROM " + name(t.name)
	if column != "" {
		sql += " WHERE " + column + " IN UNNEST(@texts)"
	}
	return sql
}

// names lists columns as SQL does.
func (t *table) names(columns []int) string {
	names := make([]string, len(columns))
	for n, i := range columns {
		names[n] = t.columns[i].name
	}
	return strings.Join(names, ", ")
}
