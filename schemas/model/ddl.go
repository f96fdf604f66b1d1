package model

import (
	"fmt"
	"strings"
)

// DDL returns the statements that create the tables of the model and its views, in the SQL of
// "duckdb" or of "bigquery". Each statement ends its last line with a semicolon. Tables that exist
// are left alone, the views are replaced.
func DDL(dialect string) (string, error) {
	var b strings.Builder
	switch dialect {
	case "duckdb":
		for _, t := range Tables {
			duckdbTable(&b, t)
		}
		for _, v := range Views {
			v.duckdb(&b)
		}
	case "bigquery":
		for _, t := range Tables {
			bigqueryTable(&b, t)
		}
		for _, v := range Views {
			b.WriteString(v.BigQuery(func(name string) string { return name }))
			b.WriteByte('\n')
		}
	default:
		return "", fmt.Errorf("ddl: unknown dialect %q: take duckdb or bigquery", dialect)
	}
	return b.String(), nil
}

var (
	duckdbTypes   = [...]string{String: "VARCHAR", Timestamp: "TIMESTAMPTZ", Float: "DOUBLE", Int: "BIGINT", Bool: "BOOLEAN", Bytes: "BLOB"}
	bigqueryTypes = [...]string{String: "STRING", Timestamp: "TIMESTAMP", Float: "FLOAT64", Int: "INT64", Bool: "BOOL", Bytes: "BYTES"}
)

// Day returns the name of the column by whose day BigQuery partitions the table, empty for none.
func (t *Table) Day() string { return days[t.ID] }

// PartitionColumn returns the index of the column that Day names where it is not part of the
// primary key: then a key alone does not tell in which partition its row is.
func (t *Table) PartitionColumn() (i int, ok bool) {
	day := t.Day()
	if day == "" || t.Columns[t.Col(day)].Key {
		return 0, false
	}
	return t.Col(day), true
}

var days = map[TableID]string{EngagementsID: "start_time", AgentStatusID: "interval_start", TurnsID: "turn_time"}

func keyNames(t *Table) string { return strings.Join(t.KeyNames(), ", ") }

func duckdbText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func duckdbTable(b *strings.Builder, t *Table) {
	fmt.Fprintf(b, "CREATE TABLE IF NOT EXISTS %s (\n", t.Name)
	for _, c := range t.Columns {
		fmt.Fprintf(b, "  %s %s", c.Name, duckdbTypes[c.Type])
		if c.Required {
			b.WriteString(" NOT NULL")
		}
		b.WriteString(",\n")
	}
	fmt.Fprintf(b, "  PRIMARY KEY (%s)\n);\n", keyNames(t))
	fmt.Fprintf(b, "COMMENT ON TABLE %s IS %s;\n", t.Name, duckdbText(t.Description))
	for _, c := range t.Columns {
		fmt.Fprintf(b, "COMMENT ON COLUMN %s.%s IS %s;\n", t.Name, c.Name, duckdbText(c.Description))
	}
	b.WriteByte('\n')
}

func bigqueryText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'"
}

func bigqueryTable(b *strings.Builder, t *Table) {
	fmt.Fprintf(b, "CREATE TABLE IF NOT EXISTS %s (\n", t.Name)
	for _, c := range t.Columns {
		fmt.Fprintf(b, "  %s %s", c.Name, bigqueryTypes[c.Type])
		if c.Required {
			b.WriteString(" NOT NULL")
		}
		fmt.Fprintf(b, " OPTIONS (description = %s),\n", bigqueryText(c.Description))
	}
	fmt.Fprintf(b, "  PRIMARY KEY (%s) NOT ENFORCED\n)\n", keyNames(t))
	if day, ok := days[t.ID]; ok {
		fmt.Fprintf(b, "PARTITION BY DATE(%s)\n", day)
	}
	fmt.Fprintf(b, "CLUSTER BY %s\nOPTIONS (description = %s, labels = [('managed_by', 'flexbeam')]);\n\n", keyNames(t), bigqueryText(t.Description))
}
