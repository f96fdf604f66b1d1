package duckdb

import (
	"fmt"
	"strings"

	"flexbeam/schemas/model"
)

// The statements of a batch. In each, b is the batch and reads the rows that are selected.

func storedQuery(b *batch) string {
	return fmt.Sprintf("SELECT b.%s, coalesce(t.row_version, 0) FROM %s() AS b, %s AS t WHERE %s", numberColumn, b.name(), b.table.Name, sameKey(b.table))
}

func changedQuery(b *batch) string {
	var s []string
	for _, c := range b.table.Columns {
		if !c.Key {
			s = append(s, fmt.Sprintf("t.%[1]s IS DISTINCT FROM b.%[1]s", c.Name))
		}
	}
	return fmt.Sprintf("SELECT b.%s FROM %s() AS b, %s AS t WHERE %s AND (%s)", numberColumn, b.name(), b.table.Name, sameKey(b.table), strings.Join(s, " OR "))
}

func buriedQuery(b *batch) string {
	return fmt.Sprintf("SELECT b.%s, d.row_version FROM %s() AS b, flexbeam.deletes AS d WHERE d.table_name = '%s' AND d.key = b.%s", numberColumn, b.name(), b.table.Name, keyColumn)
}

func dropQuery(b *batch) string {
	return fmt.Sprintf("DELETE FROM %s AS t USING %s() AS b WHERE %s", b.table.Name, b.name(), sameKey(b.table))
}

func updateQuery(b *batch) string {
	var set []string
	for _, c := range b.table.Columns {
		if !c.Key {
			set = append(set, c.Name+" = b."+c.Name)
		}
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s FROM %s() AS b WHERE %s", b.table.Name, strings.Join(set, ", "), b.name(), sameKey(b.table))
}

func insertQuery(b *batch) string {
	names := make([]string, len(b.table.Columns))
	for i, c := range b.table.Columns {
		names[i] = c.Name
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s()", b.table.Name, list, list, b.name())
}

func forgetQuery(b *batch) string {
	return fmt.Sprintf("DELETE FROM flexbeam.deletes AS d USING %s() AS b WHERE d.table_name = '%s' AND d.key = b.%s", b.name(), b.table.Name, keyColumn)
}

func rememberQuery(b *batch) string {
	return fmt.Sprintf("INSERT INTO flexbeam.deletes SELECT '%s', %s, coalesce(row_version, 0) FROM %s()", b.table.Name, keyColumn, b.name())
}

func sameKey(t *model.Table) string {
	var s []string
	for _, i := range t.Keys() {
		s = append(s, fmt.Sprintf("t.%[1]s = b.%[1]s", t.Columns[i].Name))
	}
	return strings.Join(s, " AND ")
}
