package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/duckdb/duckdb-go/v2"

	"flexbeam/schemas/model"
)

// A column is a column of an answer, with DuckDB's name of its type.
type column struct{ name, kind string }

// isNumber tells whether the column holds numbers, which are aligned to the right.
func (c column) isNumber() bool {
	for _, p := range []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"} {
		if c.kind == p || strings.HasPrefix(c.kind, p+"(") {
			return !strings.HasSuffix(c.kind, "]")
		}
	}
	return false
}

// timeText returns a time in ISO 8601, with a zone only if the type has one.
func (c column) timeText(t time.Time) string {
	switch c.kind {
	case "DATE":
		return t.Format(time.DateOnly)
	case "TIME":
		return t.Format("15:04:05.000")
	case "TIMETZ", "TIME WITH TIME ZONE":
		return t.Format("15:04:05.000Z07:00")
	case "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS":
		return t.Format("2006-01-02T15:04:05.000")
	}
	return t.UTC().Format(model.TimeLayout)
}

// text returns a cell as text for CSV. Null is the empty text.
func (c column) text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return c.timeText(v)
	case []byte:
		if id, ok := c.uuid(v); ok {
			return id
		}
		return base64.StdEncoding.EncodeToString(v)
	case float64:
		return floatText(v)
	case float32:
		return floatText(float64(v))
	case *big.Int:
		return v.String()
	case duckdb.Interval:
		return intervalText(v)
	case []any, map[string]any, duckdb.Map, duckdb.OrderedMap, duckdb.Union:
		return string(c.json(v))
	case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, fmt.Stringer:
		return fmt.Sprint(v)
	}
	return string(c.json(v))
}

// uuid returns a UUID as text; the driver hands it over as bytes.
func (c column) uuid(b []byte) (string, bool) {
	if c.kind != "UUID" || len(b) != 16 {
		return "", false
	}
	id := duckdb.UUID(b)
	return id.String(), true
}

// shown returns a cell as text for a terminal. Bytes that are text are shown as text. Characters that
// a terminal would act on are escaped, apart from line ends.
func (c column) shown(v any) string {
	s := ""
	if b, ok := v.([]byte); ok && c.kind != "UUID" {
		s = string(b)
	} else {
		s = c.text(v)
	}
	var out strings.Builder
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) && r != '\n' {
			q := strconv.Quote(s[i : i+n])
			out.WriteString(q[1 : len(q)-1])
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// json returns a cell as JSON.
func (c column) json(v any) []byte {
	switch v := v.(type) {
	case nil:
		return []byte("null")
	case float64:
		return floatJSON(v)
	case float32:
		return floatJSON(float64(v))
	case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, *big.Int:
		return fmt.Append(nil, v)
	case duckdb.Decimal:
		return []byte(v.String())
	case []any:
		return list(v, func(e any) []byte { return column{}.json(e) })
	case map[string]any:
		b := []byte{'{'}
		for i, k := range slices.Sorted(maps.Keys(v)) {
			b = pair(b, i, k, column{}.json(v[k]))
		}
		return append(b, '}')
	case duckdb.OrderedMap:
		b := []byte{'{'}
		values := v.Values()
		for i, k := range v.Keys() {
			b = pair(b, i, column{}.text(k), column{}.json(values[i]))
		}
		return append(b, '}')
	case duckdb.Union:
		return column{}.json(v.Value)
	case string, time.Time, []byte, duckdb.Interval:
		return quoteJSON(c.text(v))
	}
	if b, err := json.Marshal(v); err == nil {
		return b
	}
	return quoteJSON(fmt.Sprint(v))
}

func list(v []any, one func(any) []byte) []byte {
	b := []byte{'['}
	for i, e := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, one(e)...)
	}
	return append(b, ']')
}

func pair(b []byte, i int, key string, value []byte) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = append(b, quoteJSON(key)...)
	b = append(b, ':')
	return append(b, value...)
}

// quoteJSON returns a JSON string that keeps <, > and & readable.
func quoteJSON(s string) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	must(e.Encode(s))
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

func floatText(f float64) string {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func floatJSON(f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null")
	}
	return []byte(floatText(f))
}

// intervalText returns an interval such as "1 year 2 months 3 days 04:05:06.000".
func intervalText(v duckdb.Interval) string {
	var parts []string
	for _, p := range []struct {
		n    int32
		unit string
	}{{v.Months / 12, "year"}, {v.Months % 12, "month"}, {v.Days, "day"}} {
		switch p.n {
		case 0:
		case 1, -1:
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.unit))
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", p.n, p.unit))
		}
	}
	if v.Micros != 0 || len(parts) == 0 {
		ms, sign := v.Micros/1000, ""
		if ms < 0 {
			ms, sign = -ms, "-"
		}
		parts = append(parts, fmt.Sprintf("%s%02d:%02d:%02d.%03d", sign, ms/3600000, ms/60000%60, ms/1000%60, ms%1000))
	}
	return strings.Join(parts, " ")
}
