package bigquery

import (
	"fmt"
	"strings"

	"flexbeam/schemas/model"
)

// The columns that a staging table has besides those of its table. They come first.
const (
	stagedKey     = "flexbeam_key"     // primary key, a JSON array
	stagedGone    = "flexbeam_deleted" // the change is a delete
	stagedArrival = "flexbeam_arrival" // order of arrival
)

// versionOf is an expression for a version to compare with.
func versionOf(alias string) string { return "COALESCE(" + alias + ".row_version, 0)" }

// newest selects the newest change of each key of a staging table: the greatest version, of equal ones the later arrival.
func newest(staging string) string {
	return "SELECT * FROM " + staging + "\n  WHERE TRUE\n  QUALIFY ROW_NUMBER() OVER (PARTITION BY " + stagedKey +
		" ORDER BY COALESCE(row_version, 0) DESC, " + stagedArrival + " DESC) = 1"
}

// mergeDeletes remembers the deletes of a staging table. It comes before merge, so that a job which is cut off between them
// leaves nothing that an older change could revive.
func mergeDeletes(deletes, staging string, t *table) string {
	return fmt.Sprintf(`MERGE %s AS t
USING (
  SELECT %s AS row_key, row_version FROM (
  %s
  ) WHERE %s
) AS s
ON t.table_name = '%s' AND t.key = s.row_key
WHEN MATCHED AND %s > t.row_version THEN
  UPDATE SET row_version = %[6]s
WHEN NOT MATCHED THEN
  INSERT (table_name, key, row_version) VALUES ('%[5]s', s.row_key, %[6]s)`,
		deletes, stagedKey, newest(staging), stagedGone, t.name, versionOf("s"))
}

// merge settles a staging table: for each key its newest change, unless the table or the memory of deletes has a greater
// version.
func merge(target, deletes, staging string, t *table) string {
	var on, set, names, values []string
	keys := map[int]bool{}
	for _, k := range t.keys {
		keys[k] = true
		on = append(on, "t."+t.columns[k].name+" = s."+t.columns[k].name)
	}
	for i, c := range t.columns {
		names = append(names, c.name)
		values = append(values, "s."+c.name)
		if !keys[i] {
			set = append(set, c.name+" = s."+c.name)
		}
	}
	return fmt.Sprintf(`MERGE %s AS t
USING (
  SELECT n.* FROM (
  %s
  ) AS n
  LEFT JOIN %s AS d ON d.table_name = '%s' AND d.key = n.%s
  WHERE d.row_version IS NULL OR %s >= d.row_version
) AS s
ON %s
WHEN MATCHED AND s.%s AND %s >= %s THEN
  DELETE
WHEN MATCHED AND NOT s.%[8]s AND %[9]s >= %[10]s THEN
  UPDATE SET %[11]s
WHEN NOT MATCHED AND NOT s.%[8]s THEN
  INSERT (%[12]s) VALUES (%[13]s)`,
		target, newest(staging), deletes, t.name, stagedKey, versionOf("n"), strings.Join(on, " AND "),
		stagedGone, versionOf("s"), versionOf("t"), strings.Join(set, ", "), strings.Join(names, ", "), strings.Join(values, ", "))
}

// countRows asks for the rows of each table of the model.
func countRows(name func(string) string) string {
	var s []string
	for _, t := range model.Tables {
		s = append(s, fmt.Sprintf("SELECT '%s' AS table_name, COUNT(*) AS row_count FROM %s", t.Name, name(t.Name)))
	}
	return strings.Join(s, "\nUNION ALL\n")
}

// selectKeys asks for the keys and owners of a table's rows; of a table with owners for those of rows that have one. More
// conditions may be given.
func selectKeys(t *table, name func(string) string, conditions ...string) string {
	var columns []string
	for _, i := range t.model.KeyColumnsWithOwner() {
		columns = append(columns, t.columns[i].name)
	}
	if only := t.model.Owner.Only; only != "" {
		conditions = append(conditions, only)
	}
	sql := "SELECT " + strings.Join(columns, ", ") + " FROM " + name(t.name)
	if len(conditions) > 0 {
		sql += " WHERE " + strings.Join(conditions, " AND ")
	}
	return sql
}

// selectOwned asks for the same of rows whose owner is in the parameters sids and, where rows tell it, accounts.
func selectOwned(t *table, name func(string) string) string {
	conditions := []string{t.model.Owner.SID + " IN UNNEST(@sids)"}
	if account := t.model.Owner.Account; account != "" {
		conditions = append(conditions, account+" IN UNNEST(@accounts)")
	}
	return selectKeys(t, name, conditions...)
}

// selectVersions asks for the versions of all rows.
func selectVersions(t *table, name func(string) string) string {
	return "SELECT " + strings.Join(t.keyNames(), ", ") + ", row_version FROM " + name(t.name)
}
