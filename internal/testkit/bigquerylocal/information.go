package bigquerylocal

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"
)

// An infoView is a view of INFORMATION_SCHEMA: its columns, each with its type in DuckDB, and what
// makes its rows (https://cloud.google.com/bigquery/docs/information-schema-intro). Columns of
// types that the service does not know, and those that tell nothing here, are left out.
type infoView struct {
	columns []string
	rows    func(*Server, []*table) [][]any
}

// ofTable are the columns that say which table a row is about.
func ofTable(more ...string) []string {
	return append([]string{"table_catalog VARCHAR", "table_schema VARCHAR", "table_name VARCHAR"}, more...)
}

func (t *table) names(more ...any) []any {
	return append([]any{t.name.project, t.name.dataset, t.name.table}, more...)
}

// information are the views that are about tables. PARTITIONS and JOBS are made by partitions and
// jobRows.
var information = map[string]infoView{
	"TABLES": {ofTable("table_type VARCHAR", "is_insertable_into VARCHAR", "creation_time TIMESTAMPTZ", "upsert_stream_apply_watermark TIMESTAMPTZ"), tableRows},
	"COLUMNS": {ofTable("column_name VARCHAR", "ordinal_position BIGINT", "is_nullable VARCHAR", "data_type VARCHAR", "is_partitioning_column VARCHAR",
		"clustering_ordinal_position BIGINT"), columnRows},
	"TABLE_OPTIONS": {ofTable("option_name VARCHAR", "option_type VARCHAR", "option_value VARCHAR"), optionRows},
	"TABLE_CONSTRAINTS": {append([]string{"constraint_catalog VARCHAR", "constraint_schema VARCHAR", "constraint_name VARCHAR"},
		ofTable("constraint_type VARCHAR", "is_deferrable VARCHAR", "initially_deferred VARCHAR", "enforced VARCHAR")...), constraintRows},
	"KEY_COLUMN_USAGE": {append([]string{"constraint_catalog VARCHAR", "constraint_schema VARCHAR", "constraint_name VARCHAR"},
		ofTable("column_name VARCHAR", "ordinal_position BIGINT", "position_in_unique_constraint BIGINT")...), keyRows},
}

// region is a qualifier such as region-eu.
var region = regexp.MustCompile(`^region-[a-z0-9-]+$`)

// information translates the name of a view of INFORMATION_SCHEMA: [project.]dataset or
// [project.]region before it.
func (x *translator) information(at token, before, view []string) (string, error) {
	if x.locked {
		return "", x.unknown(at, "views over INFORMATION_SCHEMA")
	}
	if len(view) != 1 || len(before) > 2 {
		return "", x.unknown(at, "this form of INFORMATION_SCHEMA")
	}
	project, dataset := x.project, x.dataset
	if len(before) > 0 {
		dataset = before[len(before)-1]
	}
	if len(before) == 2 {
		project = before[0]
	}
	name, regional := strings.ToUpper(view[0]), region.MatchString(strings.ToLower(dataset))
	switch {
	case name == "JOBS" || name == "JOBS_BY_PROJECT" || name == "JOBS_BY_USER":
		if !regional {
			return "", invalidQuery("INFORMATION_SCHEMA.%s needs a region qualifier, such as `region-us`, at [%s]", name, position(x.query, at.offset))
		}
		return inline(jobColumns, x.server.jobs.rows(project)), nil
	case dataset == "":
		return "", invalidQuery("INFORMATION_SCHEMA.%s must be qualified with a dataset or a region at [%s]", name, position(x.query, at.offset))
	}
	tables, err := x.server.catalog.within(project, dataset, regional)
	if err != nil {
		return "", err
	}
	if name == "PARTITIONS" {
		if regional {
			return "", x.unknown(at, "PARTITIONS of a region: name a dataset")
		}
		return x.partitions(tables), nil
	}
	v, ok := information[name]
	if !ok {
		return "", x.unknown(at, "INFORMATION_SCHEMA.%s", name)
	}
	return inline(v.columns, v.rows(x.server, tables)), nil
}

// within returns the tables of a dataset, or of all datasets of a project.
func (c *catalog) within(project, dataset string, all bool) ([]*table, error) {
	if !all {
		return c.list(datasetName{project, dataset})
	}
	c.mu.RLock()
	var names []datasetName
	for n := range c.datasets {
		if n.project == project {
			names = append(names, n)
		}
	}
	c.mu.RUnlock()
	slices.SortFunc(names, func(a, b datasetName) int { return cmp.Compare(a.dataset, b.dataset) })
	var tables []*table
	for _, n := range names {
		some, err := c.list(n)
		if err != nil {
			return nil, err
		}
		tables = append(tables, some...)
	}
	return tables, nil
}

// inline is a query that gives rows. Columns are names with types.
func inline(columns []string, rows [][]any) string {
	var names, empty []string
	types := make([]string, len(columns))
	for i, c := range columns {
		name, typ, _ := strings.Cut(c, " ")
		types[i] = typ
		names = append(names, ident(name))
		empty = append(empty, "CAST(NULL AS "+typ+")")
	}
	if len(rows) == 0 {
		return "(SELECT * FROM (VALUES (" + strings.Join(empty, ", ") + ")) AS t(" + strings.Join(names, ", ") + ") WHERE FALSE)"
	}
	var all []string
	for _, r := range rows {
		var cells []string
		for i, v := range r {
			s := "NULL"
			switch v := v.(type) {
			case string:
				s = literal(v)
			case int64:
				s = strconv.FormatInt(v, 10)
			case int:
				s = strconv.Itoa(v)
			case bool:
				s = strconv.FormatBool(v)
			case time.Time:
				s = literal(v.UTC().Format("2006-01-02 15:04:05.999999-07"))
			}
			cells = append(cells, "CAST("+s+" AS "+types[i]+")")
		}
		all = append(all, "("+strings.Join(cells, ", ")+")")
	}
	return "(SELECT * FROM (VALUES " + strings.Join(all, ", ") + ") AS t(" + strings.Join(names, ", ") + "))"
}

func tableRows(s *Server, tables []*table) (rows [][]any) {
	for _, t := range tables {
		t.mu.Lock()
		typ, insertable, applied := "BASE TABLE", "YES", any(nil)
		if t.isView() {
			typ, insertable = "VIEW", "NO"
		}
		switch now := s.options.Now(); {
		case !t.upserted:
		case s.options.HoldChanges && t.held(now):
			applied = t.settled
		default:
			applied = now
		}
		rows = append(rows, t.names(typ, insertable, time.UnixMilli(t.meta.CreationTime), applied))
		t.mu.Unlock()
	}
	return rows
}

func columnRows(_ *Server, tables []*table) (rows [][]any) {
	yes := map[bool]string{true: "YES", false: "NO"}
	for _, t := range tables {
		t.mu.Lock()
		if t.meta.Schema != nil {
			for i, f := range t.meta.Schema.Fields {
				k, _ := kindNamed(f.Type)
				typ, clustered := kinds[k].sql, any(nil)
				if f.Mode == "REPEATED" {
					typ = "ARRAY<" + typ + ">"
				}
				if c := t.meta.Clustering; c != nil {
					if n := slices.IndexFunc(c.Fields, func(s string) bool { return strings.EqualFold(s, f.Name) }); n >= 0 {
						clustered = n + 1
					}
				}
				partitions := t.meta.TimePartitioning != nil && strings.EqualFold(t.meta.TimePartitioning.Field, f.Name)
				rows = append(rows, t.names(f.Name, i+1, yes[f.Mode != "REQUIRED"], typ, yes[partitions], clustered))
			}
		}
		t.mu.Unlock()
	}
	return rows
}

func optionRows(_ *Server, tables []*table) (rows [][]any) {
	for _, t := range tables {
		t.mu.Lock()
		add := func(name, typ, value string) { rows = append(rows, t.names(name, typ, value)) }
		m := t.meta
		if m.Description != "" {
			add("description", "STRING", strconv.Quote(m.Description))
		}
		if m.ExpirationTime > 0 {
			add("expiration_timestamp", "TIMESTAMP", "TIMESTAMP \""+time.UnixMilli(m.ExpirationTime).UTC().Format("2006-01-02T15:04:05.000Z")+"\"")
		}
		if m.FriendlyName != "" {
			add("friendly_name", "STRING", strconv.Quote(m.FriendlyName))
		}
		if len(m.Labels) > 0 {
			add("labels", "ARRAY<STRUCT<STRING, STRING>>", labelsText(m.Labels))
		}
		if m.MaxStaleness != "" {
			add("max_staleness", "INTERVAL", "INTERVAL \""+m.MaxStaleness+"\" YEAR TO SECOND")
		}
		if p := m.TimePartitioning; p != nil && p.ExpirationMs > 0 {
			add("partition_expiration_days", "FLOAT64", formatFloat(float64(p.ExpirationMs)/86400000))
		}
		t.mu.Unlock()
	}
	return rows
}

func labelsText(labels map[string]string) string {
	var all []string
	for k, v := range labels {
		all = append(all, fmt.Sprintf("STRUCT(%q, %q)", k, v))
	}
	slices.Sort(all)
	return "[" + strings.Join(all, ", ") + "]"
}

// constraint returns the names of the primary key, and nil for a table without.
func (t *table) constraint() []any {
	if c := t.meta.TableConstraints; c == nil || c.PrimaryKey == nil {
		return nil
	}
	return []any{t.name.project, t.name.dataset, t.name.table + ".pk$", t.name.project, t.name.dataset, t.name.table}
}

func constraintRows(_ *Server, tables []*table) (rows [][]any) {
	for _, t := range tables {
		t.mu.Lock()
		if c := t.constraint(); c != nil {
			rows = append(rows, append(c, "PRIMARY KEY", "NO", "NO", "NO"))
		}
		t.mu.Unlock()
	}
	return rows
}

func keyRows(_ *Server, tables []*table) (rows [][]any) {
	for _, t := range tables {
		t.mu.Lock()
		if c := t.constraint(); c != nil {
			for i, k := range t.meta.TableConstraints.PrimaryKey.Columns {
				rows = append(rows, append(slices.Clone(c), k, i+1, nil))
			}
		}
		t.mu.Unlock()
	}
	return rows
}

// partitions is INFORMATION_SCHEMA.PARTITIONS of some tables. A table without partitions has one
// row, with a null ID.
func (x *translator) partitions(tables []*table) string {
	columns := ofTable("partition_id VARCHAR", "total_rows BIGINT", "total_logical_bytes BIGINT", "total_billable_bytes BIGINT", "last_modified_time TIMESTAMPTZ", "storage_tier VARCHAR")
	all := []string{inline(columns, nil)[1:]}
	all[0] = all[0][:len(all[0])-1]
	for _, t := range tables {
		if t.isView() {
			continue
		}
		x.tables = append(x.tables, t)
		t.mu.Lock()
		size := t.schema.sizeSQL(nil)
		all = append(all, fmt.Sprintf("SELECT %s, %s, %s, %s, count(*), CAST(coalesce(sum(%[5]s), 0) AS BIGINT), CAST(coalesce(sum(%[5]s), 0) AS BIGINT), CAST(%[6]s AS TIMESTAMPTZ), 'ACTIVE' FROM %[7]s GROUP BY 4",
			literal(t.name.project), literal(t.name.dataset), literal(t.name.table), t.partitionSQL(""), size, literal(t.settled.UTC().Format("2006-01-02 15:04:05.999999-07")), t.name.duckdb()))
		t.mu.Unlock()
	}
	return "(" + strings.Join(all, " UNION ALL ") + ")"
}

var jobColumns = []string{"creation_time TIMESTAMPTZ", "project_id VARCHAR", "user_email VARCHAR", "job_id VARCHAR", "job_type VARCHAR", "statement_type VARCHAR", "start_time TIMESTAMPTZ",
	"end_time TIMESTAMPTZ", "query VARCHAR", "state VARCHAR", "total_bytes_processed BIGINT", "total_bytes_billed BIGINT", "cache_hit BOOLEAN"}

// rows are those of INFORMATION_SCHEMA.JOBS, oldest first.
func (j *jobs) rows(project string) (rows [][]any) {
	j.mu.Lock()
	var all []*bq.Job
	for n, one := range j.all {
		if n.project == project {
			all = append(all, one.describe())
		}
	}
	j.mu.Unlock()
	slices.SortFunc(all, func(a, b *bq.Job) int {
		return cmp.Or(cmp.Compare(a.Statistics.CreationTime, b.Statistics.CreationTime), cmp.Compare(a.Id, b.Id))
	})
	for _, m := range all {
		var statement, query, processed, billed, end any
		if q := m.Configuration.Query; q != nil {
			query = q.Query
		}
		if q := m.Statistics.Query; q != nil {
			statement, processed, billed = q.StatementType, q.TotalBytesProcessed, q.TotalBytesBilled
		}
		if m.Statistics.EndTime > 0 {
			end = time.UnixMilli(m.Statistics.EndTime)
		}
		rows = append(rows, []any{time.UnixMilli(m.Statistics.CreationTime), m.JobReference.ProjectId, "somebody@local", m.JobReference.JobId, m.Configuration.JobType, statement,
			time.UnixMilli(m.Statistics.StartTime), end, query, m.Status.State, processed, billed, false})
	}
	return rows
}
