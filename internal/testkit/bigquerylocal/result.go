package bigquerylocal

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	bq "google.golang.org/api/bigquery/v2"
)

// A result is what a statement gave: rows, or the number of rows that it changed.
type result struct {
	fields   []*bq.TableFieldSchema
	kinds    []kind
	rows     [][]any // string, []byte, int64, float64, bool, time.Time, nil, or []any of these
	affected int64
	dml      bool
}

// query runs a query.
func (w *warehouse) query(ctx context.Context, query string) (*result, error) {
	rs, err := w.db.QueryContext(ctx, query)
	if err != nil {
		return nil, explain(err)
	}
	defer rs.Close()
	types, err := rs.ColumnTypes()
	if err != nil {
		return nil, err
	}
	r := &result{}
	for _, t := range types {
		f, k, err := field(t.Name(), t.DatabaseTypeName())
		if err != nil {
			return nil, err
		}
		r.fields, r.kinds = append(r.fields, f), append(r.kinds, k)
	}
	values, to := make([]any, len(types)), make([]any, len(types))
	for i := range values {
		to[i] = &values[i]
	}
	for rs.Next() {
		if err := rs.Scan(to...); err != nil {
			return nil, err
		}
		row := make([]any, len(values))
		for i, v := range values {
			if row[i], err = plainValue(v); err != nil {
				return nil, err
			}
		}
		r.rows = append(r.rows, row)
	}
	if err := rs.Err(); err != nil {
		return nil, explain(err)
	}
	return r, nil
}

// field describes a column of a result by its type in DuckDB.
func field(name, typ string) (*bq.TableFieldSchema, kind, error) {
	f := &bq.TableFieldSchema{Name: name, Mode: "NULLABLE"}
	element, repeated := strings.CutSuffix(typ, "[]")
	if repeated {
		f.Mode = "REPEATED"
	}
	k, ok := kindOfDuckDB(element)
	if !ok {
		return nil, 0, invalidQuery("The local BigQuery service does not know results of the type %s (column %s)", typ, name)
	}
	f.Type = kinds[k].rest
	return f, k, nil
}

// plainValue makes a value of the driver one of those that a result has.
func plainValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, []byte, int64, float64, bool:
		return v, nil
	case time.Time:
		return v.UTC(), nil
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case int8:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case float32:
		return float64(v), nil
	case *big.Int:
		if !v.IsInt64() {
			return nil, invalidQuery("int64 overflow: %s", v)
		}
		return v.Int64(), nil
	case duckdb.Decimal:
		return v.Float64(), nil
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			var err error
			if list[i], err = plainValue(e); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("a value of DuckDB is a %T", v)
}

// cells formats a row as the REST API does
// (https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/list).
func cells(row []any, ks []kind, int64Times bool) *bq.TableRow {
	r := &bq.TableRow{}
	for i, v := range row {
		c := &bq.TableCell{V: formatValue(v, ks[i], int64Times)}
		if c.V == nil {
			c.NullFields = []string{"V"}
		}
		r.F = append(r.F, c)
	}
	return r
}

func formatValue(v any, k kind, int64Times bool) any {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return formatFloat(v)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		switch {
		case k == kindDate:
			return v.Format(time.DateOnly)
		case int64Times:
			return strconv.FormatInt(v.UnixMicro(), 10)
		}
		return strconv.FormatFloat(float64(v.UnixMicro())/1e6, 'E', -1, 64)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = map[string]any{"v": formatValue(e, k, int64Times)}
		}
		return list
	}
	return nil
}

func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// listRows is tabledata.list.
func (c *call) listRows() (any, error) {
	t, err := c.server.catalog.table(c.table())
	if err != nil {
		return nil, err
	}
	if t.isView() {
		return nil, invalid("Cannot list a table of type VIEW.")
	}
	t.mu.Lock()
	err = c.server.warehouse.settle(t)
	s := t.schema
	t.mu.Unlock()
	if err != nil {
		return nil, err
	}
	from, err := c.from()
	if err != nil {
		return nil, err
	}
	most, err := c.number("maxResults", maxPage)
	if err != nil {
		return nil, err
	}
	var total int64
	if err := c.server.warehouse.db.QueryRowContext(c.Context(), "SELECT count(*) FROM "+t.name.duckdb()).Scan(&total); err != nil {
		return nil, err
	}
	l := &bq.TableDataList{Kind: "bigquery#tableDataList", TotalRows: total, ForceSendFields: []string{"TotalRows"}}
	columns, err := s.selected(c.FormValue("selectedFields"))
	if err != nil {
		return nil, err
	}
	if len(columns) == 0 {
		return l, nil
	}
	r, err := c.server.warehouse.query(c.Context(), fmt.Sprintf("SELECT %s FROM %s ORDER BY rowid LIMIT %d OFFSET %d", strings.Join(columns, ", "), t.name.duckdb(), min(most, maxPage), from))
	if err != nil {
		return nil, err
	}
	for _, row := range r.rows {
		l.Rows = append(l.Rows, cells(row, r.kinds, c.int64Times()))
	}
	if next := from + int64(len(r.rows)); next < total && len(r.rows) > 0 {
		l.PageToken = strconv.FormatInt(next, 10)
	}
	return l, nil
}

// maxPage is the most rows that one answer has. BigQuery limits the answer's size in bytes.
const maxPage = 50000

// int64Times tells whether the caller wants times as whole microseconds. Google's Python client
// writes True.
func (c *call) int64Times() bool {
	yes, err := strconv.ParseBool(c.FormValue("formatOptions.useInt64Timestamp"))
	return err == nil && yes
}

// Rows returns the rows of a table or view of a project, in the order of their columns' values; an
// error if there is no such table. Values are string, int64, float64, bool, time.Time, []byte or
// nil.
func (s *Server) Rows(project, dataset, table string) ([]map[string]any, error) {
	return s.Query(project, fmt.Sprintf("SELECT * FROM `%s.%s.%s`", project, dataset, table))
}

// Query runs a query in the service.
func (s *Server) Query(project, query string) ([]map[string]any, error) {
	st, err := s.translate(query, setting{project: project}, false)
	if err != nil {
		return nil, err
	}
	r, err := s.run(context.Background(), st)
	if err != nil {
		return nil, err
	}
	rows := make([]map[string]any, len(r.rows))
	for i, row := range r.rows {
		rows[i] = make(map[string]any, len(row))
		for j, v := range row {
			rows[i][r.fields[j].Name] = v
		}
	}
	return rows, nil
}
