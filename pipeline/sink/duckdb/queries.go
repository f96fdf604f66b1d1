package duckdb

import (
	"fmt"
	"strings"

	"flexbeam/schemas/model"
)

// The statements of a batch. In each of them, b gives the selected rows of the batch, and t is the
// table that they are compared with. With byRowid a row of t is found by its rowid, else by its key.

// storedQuery selects, for each row that the table has too: its number in the batch, the version in
// the table, and 1 when both have the same key.
func storedQuery(b *batch, byRowid bool) string {
	where, same := sameRow(byRowid, sameKey(b.table))
	return fmt.Sprintf("SELECT b.%s, coalesce(t.row_version, 0), %s FROM %s() AS b, %s AS t WHERE %s", numberColumn, same, b.name(), b.table.Name, where)
}

// rememberedQuery does the same with remembered deletes.
func rememberedQuery(b *batch, byRowid bool) string {
	where, same := sameRow(byRowid, sameDelete(b))
	return fmt.Sprintf("SELECT b.%s, t.row_version, %s FROM %s() AS b, flexbeam.deletes AS t WHERE %s", numberColumn, same, b.name(), where)
}

// changedQuery gives the number of rows that differ from those that the table has.
func changedQuery(b *batch, byRowid bool) string {
	var s []string
	for _, c := range b.table.Columns {
		if !c.Key {
			s = append(s, fmt.Sprintf("t.%[1]s IS DISTINCT FROM b.%[1]s", c.Name))
		}
	}
	where, _ := sameRow(byRowid, sameKey(b.table))
	return fmt.Sprintf("SELECT b.%s FROM %s() AS b, %s AS t WHERE %s AND (%s)", numberColumn, b.name(), b.table.Name, where, strings.Join(s, " OR "))
}

func dropQuery(b *batch, byRowid bool) string {
	where, _ := sameRow(byRowid, sameKey(b.table))
	return fmt.Sprintf("DELETE FROM %s AS t USING %s() AS b WHERE %s", b.table.Name, b.name(), where)
}

func updateQuery(b *batch, byRowid bool) string {
	var set []string
	for _, c := range b.table.Columns {
		if !c.Key {
			set = append(set, c.Name+" = b."+c.Name)
		}
	}
	where, _ := sameRow(byRowid, sameKey(b.table))
	return fmt.Sprintf("UPDATE %s AS t SET %s FROM %s() AS b WHERE %s", b.table.Name, strings.Join(set, ", "), b.name(), where)
}

func insertQuery(b *batch, _ bool) string {
	names := make([]string, len(b.table.Columns))
	for i, c := range b.table.Columns {
		names[i] = c.Name
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s()", b.table.Name, list, list, b.name())
}

func forgetQuery(b *batch, byRowid bool) string {
	where, _ := sameRow(byRowid, sameDelete(b))
	return fmt.Sprintf("DELETE FROM flexbeam.deletes AS t USING %s() AS b WHERE %s", b.name(), where)
}

func rememberQuery(b *batch, _ bool) string {
	return fmt.Sprintf("INSERT INTO flexbeam.deletes SELECT '%s', %s, coalesce(row_version, 0) FROM %s()", b.table.Name, keyColumn, b.name())
}

// sameRow returns the condition that finds t, and a number that is 1 where its key is that of b.
func sameRow(byRowid bool, sameKey string) (where, same string) {
	if byRowid {
		return "t.rowid = b." + rowidColumn, "(" + sameKey + ")::BIGINT"
	}
	return sameKey, "1::BIGINT"
}

func sameKey(t *model.Table) string {
	var s []string
	for _, name := range t.KeyNames() {
		s = append(s, fmt.Sprintf("t.%[1]s = b.%[1]s", name))
	}
	return strings.Join(s, " AND ")
}

func sameDelete(b *batch) string {
	return fmt.Sprintf("t.table_name = '%s' AND t.key = b.%s", b.table.Name, keyColumn)
}
