package bigquerylocal

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What a query on demand is billed for: at least 10 MB for each table, and whole MB
// (https://cloud.google.com/bigquery/pricing#on_demand_pricing).
const (
	megabyte   = 1 << 20
	leastBytes = 10 * megabyte
)

// sizes are how many bytes a value counts, as an expression over a column
// (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes).
var sizes = [...]string{kindString: "2 + strlen(%s)", kindBytes: "2 + octet_length(%s)", kindInt: "8", kindFloat: "8", kindBool: "1", kindTimestamp: "8", kindDate: "8"}

// sizeSQL is how many bytes a row counts, of the columns that wanted names; of all when it is nil.
// Nulls count nothing.
func (s *schema) sizeSQL(wanted map[string]bool) string {
	all := []string{"0"}
	for _, c := range s.columns {
		if wanted != nil && !wanted[strings.ToLower(c.name)] {
			continue
		}
		size := sizes[c.kind]
		if strings.Contains(size, "%") {
			size = fmt.Sprintf(size, ident(c.name))
		}
		if !c.required {
			size = fmt.Sprintf("CASE WHEN %s IS NULL THEN 0 ELSE %s END", ident(c.name), size)
		}
		all = append(all, size)
	}
	return strings.Join(all, " + ")
}

// A planNode is a step of DuckDB's plan.
type planNode struct {
	Name     string     `json:"name"`
	Info     planInfo   `json:"extra_info"`
	Children []planNode `json:"children"`
}

type planInfo struct {
	Table       string `json:"Table"`
	Projections any    `json:"Projections"` // a text, or a list of them
	Filters     any    `json:"Filters"`
}

func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return strings.Split(v, "\n")
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, fmt.Sprint(e))
		}
		return all
	}
	return nil
}

// billed returns the bytes that a statement processes and those that it is billed for: all values
// of the columns that it names, in the partitions that its conditions leave
// (https://cloud.google.com/bigquery/docs/best-practices-costs,
// https://cloud.google.com/bigquery/docs/querying-partitioned-tables). DuckDB's plan says which
// columns and conditions these are. Clustering, which may save more, is left out.
func (s *Server) billed(ctx context.Context, st *statement) (processed, billed int64, err error) {
	if st.sql == "" {
		return 0, 0, nil
	}
	var key, text string
	if err := s.warehouse.db.QueryRowContext(ctx, "EXPLAIN (FORMAT JSON) "+st.sql).Scan(&key, &text); err != nil {
		return 0, 0, explain(err)
	}
	var plans []planNode
	if err := json.Unmarshal([]byte(text), &plans); err != nil {
		return 0, 0, fmt.Errorf("read the plan of a query: %w", err)
	}
	read := map[*table]bool{}
	for len(plans) > 0 {
		n := plans[0]
		plans = append(plans[1:], n.Children...)
		t := s.catalog.planned(n.Info.Table)
		if t == nil {
			continue
		}
		size, err := s.scanned(ctx, t, n.Info)
		if err != nil {
			return 0, 0, err
		}
		if size > 0 {
			processed += size
			read[t] = true
		}
	}
	if processed == 0 {
		return 0, 0, nil
	}
	return processed, max((processed+megabyte-1)/megabyte*megabyte, int64(len(read))*leastBytes), nil
}

// planned returns the table that a plan names so, nil for none.
func (c *catalog) planned(name string) *table {
	if name == "" {
		return nil
	}
	name = strings.ReplaceAll(name, `"`, "")
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, d := range c.datasets {
		for _, t := range d.tables {
			if !t.isView() && (name == "memory."+t.name.schemaName()+"."+t.name.table || name == t.name.table) {
				return t
			}
		}
	}
	return nil
}

var planWord = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// scanned returns the bytes of a scan.
func (s *Server) scanned(ctx context.Context, t *table, info planInfo) (size int64, err error) {
	t.mu.Lock()
	columns := map[string]bool{}
	filters := strings.Join(texts(info.Filters), " AND ")
	for _, w := range append(texts(info.Projections), planWord.FindAllString(filters, -1)...) {
		if _, ok := t.schema.index[strings.ToLower(w)]; ok {
			columns[strings.ToLower(w)] = true
		}
	}
	sql := "SELECT CAST(coalesce(sum(" + t.schema.sizeSQL(columns) + "), 0) AS BIGINT) FROM " + t.name.duckdb()
	if c := t.pruned(filters); len(c) > 0 {
		sql += " WHERE " + strings.Join(c, " AND ")
	}
	t.mu.Unlock()
	if len(columns) == 0 {
		return 0, nil
	}
	return size, s.warehouse.db.QueryRowContext(ctx, sql).Scan(&size)
}

// comparison is a condition on a column in DuckDB's plan.
var comparison = regexp.MustCompile(`"?(\w+)"?\s*(>=|<=|>|<|=)\s*'([^']*)'::(TIMESTAMP WITH TIME ZONE|DATE)`)

// between is the other form.
var between = regexp.MustCompile(`"?(\w+)"? BETWEEN '([^']*)'::(TIMESTAMP WITH TIME ZONE|DATE) AND '([^']*)'::`)

// pruned returns the conditions on whole partitions that follow from the conditions of a plan. The
// caller holds t.mu.
func (t *table) pruned(filters string) (conditions []string) {
	p := t.partitioning()
	if p.column < 0 || slices.Contains(planWord.FindAllString(filters, -1), "OR") {
		return nil
	}
	name := t.schema.columns[p.column].name
	add := func(op, value string) {
		of := func(v string) string { return fmt.Sprintf("date_trunc('%s', %s)", strings.ToLower(p.unit), v) }
		conditions = append(conditions, of("CAST("+ident(name)+" AS TIMESTAMP)")+" "+op+" "+of("CAST(CAST("+literal(value)+" AS TIMESTAMPTZ) AS TIMESTAMP)"))
	}
	for _, m := range comparison.FindAllStringSubmatch(filters, -1) {
		if !strings.EqualFold(m[1], name) {
			continue
		}
		switch m[2] {
		case "=":
			add("=", m[3])
		case ">", ">=":
			add(">=", m[3])
		default:
			add("<=", m[3])
		}
	}
	for _, m := range between.FindAllStringSubmatch(filters, -1) {
		if strings.EqualFold(m[1], name) {
			add(">=", m[2])
			add("<=", m[4])
		}
	}
	return conditions
}
