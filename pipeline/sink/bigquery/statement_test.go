package bigquery

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/model"
)

var update = flag.Bool("update", false, "write testdata/statements.sql anew")

// sqlTypes are the types of columns in SQL.
var sqlTypes = map[model.Type]string{
	model.String: "STRING", model.Timestamp: "TIMESTAMP", model.Float: "FLOAT64", model.Int: "INT64", model.Bool: "BOOL", model.Bytes: "BYTES"}

// parameters are what the analyser reads in the place of parameters, whose types it is not told.
var parameters = strings.NewReplacer("@sids", "['WT1']", "@accounts", "['AC1']", "@texts", "['AC1']", "@key0", "['AC1']", "@key1", "['WT1']", "@key2", "['WT1']",
	"@from", "TIMESTAMP '2026-03-02 08:00:00+00'", "@to", "TIMESTAMP '2026-03-02 09:00:00+00'")

// allStatements is every statement that the sink sends, behind those that create the tables which
// they are about; but for the one over INFORMATION_SCHEMA, which the analyser does not know.
func allStatements(t *testing.T) string {
	name := func(n string) string { return n }
	ddl, err := model.DDL("bigquery")
	must(t, err)
	var b strings.Builder
	create := func(table string, columns []column) {
		fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (\n", table)
		for i, c := range columns {
			comma := ","
			if i == len(columns)-1 {
				comma = ""
			}
			fmt.Fprintf(&b, "  %s %s%s\n", c.name, sqlTypes[c.kind], comma)
		}
		b.WriteString(");\n\n")
	}
	b.WriteString("-- Written by a test of pipeline/sink/bigquery: what the sink sends to BigQuery. make lint-sql analyses it.\n\n" + ddl)
	create(deletesName, deletesTable.columns)
	for _, table := range tables[:len(model.Tables)] {
		staging := "flexbeam_staging_" + table.name
		create(staging, newLayout(table).columns)
		create(table.keptName(), table.columns)
		m := merging{Target: table.name, Deletes: deletesName, Staging: staging, table: table}
		for _, s := range []string{m.mergeDeletes(), m.merge(), m.newestOfDays(), m.selectDeletes(), selectVersions(table, name, table.textKeys()), selectDeletes(table, name, true), selectDeletes(table, name, false),
			selectWhole(table, table.keyNames()[0], name), selectWhole(table, "", name), selectVersionsOf(table, name), insertKept(table, table.keptName(), name)} {
			b.WriteString(parameters.Replace(s) + ";\n\n")
		}
		if table.model.Owner.Kind != "" {
			b.WriteString(parameters.Replace(selectOwners(table, name)) + ";\n\n" + parameters.Replace(selectOwned(table, table.model.FoundColumns(), name)) + ";\n\n")
		}
		if table.day != "" {
			b.WriteString(parameters.Replace(selectVersions(table, name, nil)) + ";\n\n")
		}
	}
	b.WriteString(selectDeleted(name) + ";\n\n" + countRows(tables[:len(model.Tables)], name) + ";\n\n" + selectWritten(name) + ";\n")
	return b.String()
}

func TestTheStatementsThatAreAnalysedAreThoseThatAreSent(t *testing.T) {
	const file = "testdata/statements.sql"
	got := allStatements(t)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: make it with: go test ./pipeline/sink/bigquery -update", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("make it anew with: go test ./pipeline/sink/bigquery -update\n%s", d)
	}
}
