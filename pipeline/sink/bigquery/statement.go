package bigquery

import (
	"fmt"
	"slices"
	"strings"
	"text/template"
)

// The columns that a staging table has besides those of its table. They come first.
const (
	stagedKey     = "flexbeam_key"     // primary key, a JSON array
	stagedGone    = "flexbeam_deleted" // the change is a delete
	stagedForgets = "flexbeam_forgets" // and nothing is to remember it
	stagedArrival = "flexbeam_arrival" // order of arrival
)

// A merging is what the statements that settle a staging table are made of.
type merging struct {
	Target  string // the table, as SQL names it
	Deletes string // the memory of deletes, as SQL names it
	Staging string // the staging table, as SQL names it
	table   *table
}

// Table is the table's name in the memory of deletes.
func (m merging) Table() string { return m.table.name }

// SameKey is the condition that a row s of the staging table and a row t of the table have one key.
func (m merging) SameKey() string {
	return m.join(" AND ", func(c string) string { return "t." + c + " = s." + c }, true, false)
}

// Set are the assignments of an update.
func (m merging) Set() string {
	return m.join(", ", func(c string) string { return c + " = s." + c }, false, true)
}

// Columns are the table's columns.
func (m merging) Columns() string {
	return m.join(", ", func(c string) string { return c }, true, true)
}

// Values are the columns of a row s of the staging table.
func (m merging) Values() string {
	return m.join(", ", func(c string) string { return "s." + c }, true, true)
}

// join joins what f makes of the key columns, the other columns, or both.
func (m merging) join(separator string, f func(column string) string, keys, others bool) string {
	var all []string
	for i, c := range m.table.columns {
		if isKey := slices.Contains(m.table.keys, i); isKey && keys || !isKey && others {
			all = append(all, f(c.name))
		}
	}
	return strings.Join(all, separator)
}

func (m merging) write(t *template.Template) string {
	var b strings.Builder
	if err := t.Execute(&b, m); err != nil {
		panic(err) // the templates are in this file
	}
	return b.String()
}

// newest selects the newest change of each key of a staging table: the greatest version, of equal
// ones the later arrival.
const newest = newestOf + newestIs

const (
	newestOf = `SELECT * FROM {{.Staging}}
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY ` + stagedKey
	newestIs = ` ORDER BY COALESCE(row_version, 0) DESC, ` + stagedArrival + ` DESC) = 1`
)

// newestOfDays selects the newest change of each key in each partition, as they arrived: a row that
// goes over to another partition has one in both.
func (m merging) newestOfDays() string { return m.write(newestOfDaysTemplate) }

var newestOfDaysTemplate = template.Must(template.New("newestOfDays").Parse(newestOf + `{{.Day}}` + newestIs + `
  ORDER BY ` + stagedArrival))

// Day is what a row has to be told apart by besides its key.
func (m merging) Day() string {
	if i, ok := m.table.model.PartitionColumn(); ok {
		return ", TIMESTAMP_TRUNC(" + m.table.columns[i].name + ", DAY)"
	}
	return ""
}

// selectDeletes asks for the keys, versions and times of the deletes of a staging table.
func (m merging) selectDeletes() string { return m.write(selectDeletesTemplate) }

// RowTime is the time that a delete is remembered under.
func (m merging) RowTime() string {
	if m.table.day == "" {
		return "CURRENT_TIMESTAMP()"
	}
	return m.table.day
}

var selectDeletesTemplate = template.Must(template.New("selectDeletes").Parse(`SELECT ` + stagedKey + `, COALESCE(row_version, 0) AS row_version, {{.RowTime}} AS row_time FROM (
  ` + newest + `
) WHERE ` + stagedGone + ` AND NOT ` + stagedForgets))

// mergeDeletes remembers the deletes of a staging table. It comes before merge, so that a job which
// is cut off between them leaves nothing that an older change could revive.
func (m merging) mergeDeletes() string { return m.write(mergeDeletesTemplate) }

var mergeDeletesTemplate = template.Must(template.New("deletes").Parse(`MERGE {{.Deletes}} AS t
USING (
  SELECT ` + stagedKey + ` AS row_key, row_version, {{.RowTime}} AS row_time FROM (
  ` + newest + `
  ) WHERE ` + stagedGone + ` AND NOT ` + stagedForgets + `
) AS s
ON t.table_name = '{{.Table}}' AND t.key = s.row_key
WHEN MATCHED AND COALESCE(s.row_version, 0) > t.row_version THEN
  UPDATE SET row_version = COALESCE(s.row_version, 0), row_time = s.row_time
WHEN NOT MATCHED THEN
  INSERT (table_name, key, row_version, row_time) VALUES ('{{.Table}}', s.row_key, COALESCE(s.row_version, 0), s.row_time)`))

// merge settles a staging table: for each key its newest change, unless the table or the memory of
// deletes has a greater version.
func (m merging) merge() string { return m.write(mergeTemplate) }

var mergeTemplate = template.Must(template.New("merge").Parse(`MERGE {{.Target}} AS t
USING (
  SELECT n.* FROM (
  ` + newest + `
  ) AS n
  LEFT JOIN {{.Deletes}} AS d ON d.table_name = '{{.Table}}' AND d.key = n.` + stagedKey + `
  WHERE d.row_version IS NULL OR COALESCE(n.row_version, 0) >= d.row_version
) AS s
ON {{.SameKey}}
WHEN MATCHED AND s.` + stagedGone + ` AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  DELETE
WHEN MATCHED AND NOT s.` + stagedGone + ` AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  UPDATE SET {{.Set}}
WHEN NOT MATCHED AND NOT s.` + stagedGone + ` THEN
  INSERT ({{.Columns}}) VALUES ({{.Values}})`))

// countRows asks for the rows of each of these tables.
func countRows(of []*table, name func(string) string) string {
	var s []string
	for _, t := range of {
		s = append(s, fmt.Sprintf("SELECT '%s' AS table_name, COUNT(*) AS row_count FROM %s", t.name, name(t.name)))
	}
	return strings.Join(s, "\nUNION ALL\n")
}

// selectOwners asks for the owners of a table's rows that lie in the parameters from to to, or in no
// time; where they are looked up by a time, for the latest as well.
func selectOwners(t *table, name func(string) string) string {
	var selected, owner []string
	for _, i := range t.model.OwnerColumns() {
		c := t.columns[i].name
		if c == t.model.Owner.Time {
			selected = append(selected, "MAX("+c+") AS "+c)
			continue
		}
		selected, owner = append(selected, c), append(owner, c)
	}
	at := t.columns[t.model.TimeColumn()]
	condition := within(at.name)
	if !at.required {
		condition = "(" + at.name + " IS NULL OR " + condition + ")"
	}
	if only := t.model.Owner.Only; only != "" {
		condition = only + " AND " + condition
	}
	return "SELECT " + strings.Join(selected, ", ") + " FROM " + name(t.name) + " WHERE " + condition + " GROUP BY " + strings.Join(owner, ", ")
}

// within is the condition that a column lies in the parameters from to to.
func within(column string) string { return column + " >= @from AND " + column + " <= @to" }

func selectRows(t *table, indexes []int, name func(string) string, conditions ...string) string {
	if only := t.model.Owner.Only; only != "" {
		conditions = append(conditions, only)
	}
	sql := "SELECT " + t.names(indexes) + " FROM " + name(t.name)
	if len(conditions) > 0 {
		sql += " WHERE " + strings.Join(conditions, " AND ")
	}
	return sql
}

// selectOwned asks for columns of rows whose owner is in the parameters sids
// and, where rows tell it, accounts; of a table with partitions in those of from to to.
func selectOwned(t *table, columns []int, name func(string) string) string {
	conditions := []string{t.model.Owner.SID + " IN UNNEST(@sids)"}
	if account := t.model.Owner.Account; account != "" {
		conditions = append(conditions, account+" IN UNNEST(@accounts)")
	}
	if t.day != "" {
		conditions = append(conditions, within(t.day))
	}
	return selectRows(t, columns, name, conditions...)
}

// selectWritten asks until when each table may have been streamed to.
func selectWritten(name func(string) string) string {
	return "SELECT key, row_version FROM " + name(deletesName) + " WHERE table_name = '" + writtenName + "'"
}

// selectApplied asks up to when changes that were streamed to a table are in the answers of queries.
func selectApplied(t *table, p config) string {
	return "SELECT upsert_stream_apply_watermark FROM `" + p.project + "." + p.in(t) + "`.INFORMATION_SCHEMA.TABLES WHERE table_name = '" + t.name + "'"
}

// selectVersions asks for the keys and versions of rows; of a table with partitions in those of the
// parameters from to to, and with the columns keys only of rows whose texts there are in the
// parameters key0, key1, ….
func selectVersions(t *table, name func(string) string, keys []int) string {
	var conditions []string
	for n, i := range keys {
		conditions = append(conditions, fmt.Sprintf("%s IN UNNEST(@key%d)", t.columns[i].name, n))
	}
	if t.day != "" {
		conditions = append(conditions, within(t.day))
	}
	return versionsOf(t, name) + " WHERE " + strings.Join(conditions, " AND ")
}

// versionsOf is a query of keys and versions up to its conditions.
func versionsOf(t *table, name func(string) string) string {
	return "SELECT " + t.names(t.versionCells()) + " FROM " + name(t.name)
}

// selectDeleted asks of which tables deletes are remembered.
func selectDeleted(name func(string) string) string {
	return "SELECT table_name FROM " + name(deletesName) + " GROUP BY table_name"
}

// selectDeletes asks for the deletes of a table of the parameters from to to, and with undated for
// those that do not tell their time.
func selectDeletes(t *table, name func(string) string, undated bool) string {
	condition := within("row_time")
	if undated {
		condition = "(row_time IS NULL OR " + condition + ")"
	}
	return "SELECT key, row_version FROM " + name(deletesName) + " WHERE table_name = '" + t.name + "' AND " + condition
}
