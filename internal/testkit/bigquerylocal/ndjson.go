package bigquerylocal

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	bq "google.golang.org/api/bigquery/v2"
)

// A jsonSource reads newline-delimited JSON
// (https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json). It has no schema of its
// own here: autodetection is not known.
type jsonSource struct{ ignoreUnknown bool }

func (jsonSource) schema(context.Context, *sql.DB, string) ([]*bq.TableFieldSchema, error) {
	return nil, nil
}

// largestLine is the longest JSON row, bytes (https://cloud.google.com/bigquery/quotas#load_jobs).
const largestLine = 100 << 20

func (j jsonSource) insert(_ context.Context, conn *sql.Conn, t *table, file string) (n int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, largestLine)
	err = conn.Raw(func(c any) error {
		a, err := duckdb.NewAppender(c.(driver.Conn), "", t.name.schemaName(), t.name.table)
		if err != nil {
			return err
		}
		values := make([]driver.Value, len(t.schema.columns))
		for number := 1; lines.Scan(); number++ {
			line := bytes.TrimSpace(lines.Bytes())
			if len(line) == 0 {
				continue
			}
			err := j.read(t.schema, line, values)
			if err == nil {
				err = a.AppendRow(values...)
			}
			if err != nil {
				_ = a.Close()
				return unreadable("JSON table encountered too many errors, giving up. Rows: %d; errors: 1. %v", number, err)
			}
			n++
		}
		if err := a.Close(); err != nil {
			return unreadable("%v", err)
		}
		return lines.Err()
	})
	return n, err
}

func (j jsonSource) read(s *schema, line []byte, values []driver.Value) error {
	clear(values)
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return complain("JSON parsing error in row: %v", err)
	}
	for name, v := range object {
		i, ok := s.index[strings.ToLower(name)]
		if !ok {
			if j.ignoreUnknown {
				continue
			}
			return complain("No such field: %s", name)
		}
		c := s.columns[i]
		value, err := fromJSON(c.kind, v)
		if err != nil {
			return complain("Could not convert value of field %s to %s: %v", c.name, kinds[c.kind].rest, err)
		}
		values[i] = value
	}
	for i, c := range s.columns {
		if c.required && values[i] == nil {
			return complain("Missing required field: %s", c.name)
		}
	}
	return nil
}

// fromJSON converts a JSON value as BigQuery does: numbers and booleans may be written as strings,
// and numbers into STRING.
func fromJSON(k kind, v any) (driver.Value, error) {
	if v == nil {
		return nil, nil
	}
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	case bool:
		s = strconv.FormatBool(v)
	default:
		return nil, fmt.Errorf("it is a %T", v)
	}
	switch k {
	case kindString:
		return s, nil
	case kindBytes:
		return base64.StdEncoding.DecodeString(s)
	case kindInt:
		return strconv.ParseInt(s, 10, 64)
	case kindFloat:
		return strconv.ParseFloat(s, 64)
	case kindBool:
		return strconv.ParseBool(strings.ToLower(s))
	case kindDate:
		return time.Parse(time.DateOnly, s)
	}
	if _, isNumber := v.(json.Number); isNumber { // seconds since the epoch
		f, err := strconv.ParseFloat(s, 64)
		return time.UnixMicro(int64(math.Round(f * 1e6))).UTC(), err
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 MST", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999",
		time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t.UTC(), nil
		}
	}
	return nil, fmt.Errorf("unrecognized timestamp %q", s)
}
