package bigquerylocal

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	bq "google.golang.org/api/bigquery/v2"
)

// The limits of a request of tabledata.insertAll, rows and bytes
// (https://cloud.google.com/bigquery/quotas#streaming_inserts).
const (
	maxInsertRows  = 50000
	maxInsertBytes = 10 << 20
)

// insertMemory is how long the insertId of a row is remembered, so that the row is not inserted again
// (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataconsistency).
const insertMemory = time.Minute

// insertRows is tabledata.insertAll: rows that are refused are named in the answer; the others are
// inserted with skipInvalidRows, else none is
// (https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/insertAll).
func (c *call) insertRows() (any, error) {
	body, err := io.ReadAll(io.LimitReader(c.Body, maxInsertBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxInsertBytes {
		return nil, &apiError{code: http.StatusRequestEntityTooLarge, reason: "invalid", message: "Request payload size exceeds the limit: 10485760 bytes."}
	}
	var r struct {
		SkipInvalidRows     bool   `json:"skipInvalidRows"`
		IgnoreUnknownValues bool   `json:"ignoreUnknownValues"`
		TemplateSuffix      string `json:"templateSuffix"`
		Rows                []struct {
			InsertID string          `json:"insertId"`
			JSON     json.RawMessage `json:"json"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, &apiError{code: http.StatusBadRequest, reason: "parseError", message: "Parse error: " + err.Error()}
	}
	switch {
	case r.TemplateSuffix != "":
		return nil, unknown("templateSuffix")
	case len(r.Rows) == 0:
		return nil, invalid("No rows present in the request.")
	case len(r.Rows) > maxInsertRows:
		return nil, invalid("Too many rows present in the request, limit: %d row count: %d.", maxInsertRows, len(r.Rows))
	}
	t, err := c.server.catalog.table(c.table())
	if err != nil {
		return nil, err
	}
	if t.isView() {
		return nil, invalid("Cannot add rows to a table of type VIEW.")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := c.server.options.Now()
	p := t.partitioning()
	answer := &bq.TableDataInsertAllResponse{Kind: "bigquery#tableDataInsertAllResponse"}
	refuse := func(i int, reason, message string) {
		answer.InsertErrors = append(answer.InsertErrors, &bq.TableDataInsertAllResponseInsertErrors{Index: int64(i), ForceSendFields: []string{"Index"},
			Errors: []*bq.ErrorProto{{Reason: reason, Message: message}}})
	}
	var rows [][]driver.Value
	var ids, good = []string{}, []int{}
	for i, one := range r.Rows {
		values := make([]driver.Value, len(t.schema.columns))
		if err := (jsonSource{ignoreUnknown: r.IgnoreUnknownValues}).read(t.schema, one.JSON, values); err != nil {
			refuse(i, "invalid", err.Error())
			continue
		}
		if p.column >= 0 && !c.server.options.AnyDay {
			if at, ok := values[p.column].(time.Time); ok {
				if reason := p.outside(t, t.schema.columns[p.column].kind, at, now); reason != "" {
					refuse(i, "invalid", reason)
					continue
				}
			}
		}
		good = append(good, i)
		if id := one.InsertID; id != "" {
			if at, ok := t.insertID[id]; ok && now.Sub(at) < insertMemory {
				continue
			}
			ids = append(ids, id)
		}
		rows = append(rows, values)
	}
	if len(answer.InsertErrors) > 0 && !r.SkipInvalidRows {
		for _, i := range good {
			refuse(i, "stopped", "")
		}
		return answer, nil
	}
	if err := c.server.warehouse.insert(t, rows); err != nil {
		return nil, err
	}
	if t.insertID == nil {
		t.insertID = map[string]time.Time{}
	}
	maps.DeleteFunc(t.insertID, func(_ string, at time.Time) bool { return now.Sub(at) >= insertMemory })
	for _, id := range ids {
		t.insertID[id] = now
	}
	t.inserted, t.foreign = now, true
	return answer, nil
}

// insert adds rows to a table. The caller holds t.mu.
func (w *warehouse) insert(t *table, rows [][]driver.Value) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	conn, err := w.db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		a, err := duckdb.NewAppender(c.(driver.Conn), "", t.name.schemaName(), t.name.table)
		if err != nil {
			return err
		}
		for _, values := range rows {
			if err := a.AppendRow(values...); err != nil {
				_ = a.Close()
				return err
			}
		}
		return a.Close()
	})
}
