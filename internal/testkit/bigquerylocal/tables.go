package bigquerylocal

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	bq "google.golang.org/api/bigquery/v2"
)

// leave marks a table as dropped, for the streams that still know it.
func (t *table) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.landed() // what could not be stored is dropped with the rest
	t.gone, t.pending, t.changes, t.dirty = true, nil, nil, nil
}

func (c *call) insertTable() (any, error) {
	m := &bq.Table{}
	if err := c.body(m); err != nil {
		return nil, err
	}
	if m.TableReference == nil {
		return nil, invalid("Required parameter is missing: tableReference")
	}
	n := c.table()
	n.table = m.TableReference.TableId
	t, err := c.server.catalog.createTable(c.Context(), n, m)
	if err != nil {
		return nil, err
	}
	return t.resource(c.server)
}

// createTable makes a table or view from its resource.
func (c *catalog) createTable(ctx context.Context, n tableName, m *bq.Table) (*table, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.createLocked(ctx, n, m, setting{project: n.project})
}

// createLocked is createTable for callers that hold the lock. Names in the query of a view are read
// with g.
func (c *catalog) createLocked(ctx context.Context, n tableName, m *bq.Table, g setting) (*table, error) {
	if !entityName.MatchString(n.table) {
		return nil, invalid("Invalid table ID %q.", n.table)
	}
	d, err := c.dataset(datasetName{n.project, n.dataset})
	if err != nil {
		return nil, err
	}
	if old := d.tables[n.table]; old != nil {
		if !c.expired(old) {
			return nil, duplicate("Table %s", n)
		}
		if err := c.drop(ctx, d, old); err != nil {
			return nil, err
		}
	}
	t := &table{name: n, version: 1, setting: g, settled: c.server.options.Now()}
	if t.schema, err = c.judge(n, m); err != nil {
		return nil, err
	}
	if m.View != nil {
		if err := c.server.describeView(ctx, n, m, g); err != nil {
			return nil, err
		}
	} else if err := c.server.warehouse.exec(ctx, "CREATE TABLE "+n.duckdb()+" ("+columnsOrNone(t.schema)+")"); err != nil {
		return nil, err
	}
	now := c.server.options.Now().UnixMilli()
	m.TableReference = &bq.TableReference{ProjectId: n.project, DatasetId: n.dataset, TableId: n.table}
	m.Kind, m.Id, m.Etag, m.Location = "bigquery#table", n.String(), c.stamp(), d.meta.Location
	m.CreationTime, m.LastModifiedTime = now, uint64(now)
	m.Type = "TABLE"
	if m.View != nil {
		m.Type = "VIEW"
	}
	if m.ExpirationTime == 0 && m.View == nil && d.meta.DefaultTableExpirationMs > 0 {
		m.ExpirationTime = now + d.meta.DefaultTableExpirationMs
	}
	t.meta = m
	d.tables[n.table] = t
	return t, nil
}

// columnsOrNone are the columns for DuckDB, which has no table without columns.
func columnsOrNone(s *schema) string {
	if len(s.columns) == 0 {
		return `"no columns" BOOLEAN`
	}
	return s.duckdb()
}

// maxStaleness is an interval as MaxStaleness has it, [+-]Y-M [+-]D [+-]H:M:S
// (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#canonical_format_3).
var maxStaleness = regexp.MustCompile(`^[+-]?\d+-\d+ [+-]?\d+ [+-]?\d+:\d+:\d+(\.\d{1,6})?$`)

// judge checks the resource of a table and normalizes its schema.
func (c *catalog) judge(n tableName, m *bq.Table) (*schema, error) {
	switch {
	case m.ExternalDataConfiguration != nil:
		return nil, unknown("external tables")
	case m.MaterializedView != nil:
		return nil, unknown("materialized views")
	case m.RangePartitioning != nil:
		return nil, unknown("partitioning by ranges of integers")
	case m.View != nil && m.View.UseLegacySql:
		return nil, unknown("legacy SQL: set useLegacySql to false")
	}
	if err := checkLabels(m.Labels); err != nil {
		return nil, err
	}
	if m.MaxStaleness != "" && !maxStaleness.MatchString(m.MaxStaleness) {
		return nil, invalid("Invalid interval value %q of max_staleness: write it like 0-0 0 0:15:0", m.MaxStaleness)
	}
	if m.View != nil {
		return &schema{}, nil
	}
	var fields []*bq.TableFieldSchema
	if m.Schema != nil {
		fields = m.Schema.Fields
	}
	var key *bq.TableConstraintsPrimaryKey
	if m.TableConstraints != nil {
		key = m.TableConstraints.PrimaryKey
		if len(m.TableConstraints.ForeignKeys) > 0 {
			return nil, unknown("foreign keys")
		}
	}
	s, err := newSchema(fields, key)
	if err != nil {
		return nil, err
	}
	for i, f := range fields {
		f.Type = kinds[s.columns[i].kind].rest
		if f.Mode == "" {
			f.Mode = "NULLABLE"
		}
	}
	if p := m.TimePartitioning; p != nil {
		switch p.Type {
		case "DAY", "HOUR", "MONTH", "YEAR":
		default:
			return nil, invalid("Invalid partitioning type %q: choose DAY, HOUR, MONTH or YEAR", p.Type)
		}
		if p.Field != "" {
			i, ok := s.index[strings.ToLower(p.Field)]
			if !ok {
				return nil, invalid("The field specified for partitioning cannot be found in the schema: %s", p.Field)
			}
			if k := s.columns[i].kind; k != kindTimestamp && k != kindDate {
				return nil, invalid("The field specified for partitioning %s has the type %s: it must be DATE, DATETIME or TIMESTAMP", p.Field, kinds[k].rest)
			}
		}
	}
	if m.Clustering != nil {
		if len(m.Clustering.Fields) == 0 || len(m.Clustering.Fields) > 4 {
			return nil, invalid("Clustering is possible on 1 to 4 columns, not on %d", len(m.Clustering.Fields))
		}
		for _, f := range m.Clustering.Fields {
			i, ok := s.index[strings.ToLower(f)]
			if !ok {
				return nil, invalid("The field specified for clustering cannot be found in the schema: %s", f)
			}
			if k := s.columns[i].kind; k == kindFloat || k == kindBytes {
				return nil, invalid("The field specified for clustering %s has the type %s, by which tables cannot be clustered", f, kinds[k].rest)
			}
		}
	}
	return s, nil
}

// resource returns the table as tables.get does.
func (t *table) resource(s *Server) (*bq.Table, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := *t.meta
	if t.isView() {
		return &m, nil
	}
	if err := t.landed(); err != nil {
		return nil, err
	}
	if len(t.pending)+len(t.dirty) > 0 {
		m.StreamingBuffer = &bq.Streamingbuffer{EstimatedRows: uint64(len(t.pending) + len(t.dirty)), EstimatedBytes: uint64(t.bytes)}
	}
	var n uint64
	if err := s.warehouse.db.QueryRow("SELECT count(*) FROM " + t.name.duckdb()).Scan(&n); err != nil {
		return nil, err
	}
	m.NumRows = n
	m.ForceSendFields = []string{"NumRows", "NumBytes"}
	return &m, nil
}

func (c *call) getTable() (any, error) {
	t, err := c.server.catalog.table(c.table())
	if err != nil {
		return nil, err
	}
	return t.resource(c.server)
}

func (c *call) listTables() (any, error) {
	tables, err := c.server.catalog.list(c.dataset())
	if err != nil {
		return nil, err
	}
	part, next, err := page(c, tables)
	if err != nil {
		return nil, err
	}
	l := &bq.TableList{Kind: "bigquery#tableList", NextPageToken: next, TotalItems: int64(len(tables))}
	for _, t := range part {
		t.mu.Lock()
		m := t.meta
		l.Tables = append(l.Tables, &bq.TableListTables{Kind: m.Kind, Id: m.Id, TableReference: m.TableReference, Type: m.Type, Labels: m.Labels, FriendlyName: m.FriendlyName,
			CreationTime: m.CreationTime, ExpirationTime: m.ExpirationTime, TimePartitioning: m.TimePartitioning, Clustering: m.Clustering})
		t.mu.Unlock()
	}
	return l, nil
}

func (c *call) changeTable() (any, error) {
	k := &c.server.catalog
	k.mu.Lock()
	defer k.mu.Unlock()
	t, err := k.tableLocked(c.table())
	if err != nil {
		return nil, err
	}
	m := &bq.Table{}
	keep := []string{"kind", "id", "tableReference", "creationTime", "location", "type"}
	if err := c.merge(t.meta, keep, m); err != nil {
		return nil, err
	}
	if err := c.matches(t.meta.Etag); err != nil {
		return nil, err
	}
	if err := k.change(c.Context(), t, m); err != nil {
		return nil, err
	}
	return t.resource(c.server)
}

// change gives a table another resource. The caller holds c.mu.
func (c *catalog) change(ctx context.Context, t *table, m *bq.Table) error {
	if (m.View != nil) != t.isView() {
		return invalid("Cannot change the type of table %s", t.name)
	}
	if m.Schema != nil && t.meta.Schema != nil && !t.isView() {
		m.Schema.Fields = newLast(t.meta.Schema.Fields, m.Schema.Fields)
	}
	s, err := c.judge(t.name, m)
	if err != nil {
		return err
	}
	if t.isView() {
		if err := c.server.describeView(ctx, t.name, m, t.setting); err != nil {
			return err
		}
	} else {
		if err := unchanged(t.meta, m); err != nil {
			return err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if err := c.alter(ctx, t, s); err != nil {
			return err
		}
	}
	m.Etag, m.LastModifiedTime = c.stamp(), uint64(c.server.options.Now().UnixMilli())
	t.meta = m
	return nil
}

// newLast gives fields the order of a table: those that are there first, new ones last, wherever
// the request has them
// (https://cloud.google.com/bigquery/docs/managing-table-schemas#add_an_empty_column).
func newLast(old, fields []*bq.TableFieldSchema) []*bq.TableFieldSchema {
	place := map[string]int{}
	for i, f := range old {
		place[strings.ToLower(f.Name)] = i + 1
	}
	slices.SortStableFunc(fields, func(a, b *bq.TableFieldSchema) int {
		i, j := place[strings.ToLower(a.Name)], place[strings.ToLower(b.Name)]
		if i == 0 || j == 0 {
			return cmp.Compare(min(1, j), min(1, i))
		}
		return cmp.Compare(i, j)
	})
	return fields
}

// unchanged refuses to change how a table is partitioned
// (https://cloud.google.com/bigquery/docs/managing-partitioned-tables).
func unchanged(old, new *bq.Table) error {
	of := func(m *bq.Table) string {
		if m.TimePartitioning == nil {
			return "none"
		}
		return fmt.Sprintf("%s of field %q", m.TimePartitioning.Type, m.TimePartitioning.Field)
	}
	if a, b := of(old), of(new); a != b {
		return invalid("Cannot change partitioning spec for a table: it is %s, not %s", a, b)
	}
	return nil
}

// alter gives a table another schema. The caller holds t.mu.
func (c *catalog) alter(ctx context.Context, t *table, s *schema) error {
	if err := s.replaces(t.schema, t.name.String()); err != nil {
		return err
	}
	if err := c.server.warehouse.settle(t); err != nil {
		return err
	}
	var statements []string
	same := len(s.columns) == len(t.schema.columns)
	for i, col := range s.columns {
		switch {
		case i >= len(t.schema.columns):
			statements = append(statements, "ALTER TABLE "+t.name.duckdb()+" ADD COLUMN "+ident(col.name)+" "+kinds[col.kind].duckdb)
		case t.schema.columns[i].required && !col.required:
			same = false
			statements = append(statements, "ALTER TABLE "+t.name.duckdb()+" ALTER COLUMN "+ident(col.name)+" DROP NOT NULL")
		}
	}
	if len(t.schema.columns) == 0 && len(s.columns) > 0 {
		statements = append(statements, "ALTER TABLE "+t.name.duckdb()+` DROP COLUMN "no columns"`)
	}
	c.server.warehouse.mu.Lock()
	defer c.server.warehouse.mu.Unlock()
	if err := c.server.warehouse.exec(ctx, statements...); err != nil {
		return err
	}
	if fmt.Sprint(s.keys) != fmt.Sprint(t.schema.keys) {
		t.changes = nil // of another key
		same = false
	}
	if !same {
		t.stale, t.schema, t.version = t.schema, s, t.version+1
	}
	return nil
}

func (c *call) deleteTable() (any, error) {
	k := &c.server.catalog
	k.mu.Lock()
	defer k.mu.Unlock()
	n := c.table()
	t, err := k.tableLocked(n)
	if err != nil {
		return nil, err
	}
	return nil, k.drop(c.Context(), k.datasets[datasetName{n.project, n.dataset}], t)
}

// drop removes a table. The caller holds c.mu.
func (c *catalog) drop(ctx context.Context, d *dataset, t *table) error {
	kind := "TABLE "
	if t.isView() {
		kind = "VIEW "
	}
	t.leave()
	if err := c.server.warehouse.exec(ctx, "DROP "+kind+t.name.duckdb()); err != nil {
		return err
	}
	delete(d.tables, t.name.table)
	return nil
}
