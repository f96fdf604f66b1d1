package model

import (
	"fmt"
	"strings"
	"testing"
)

func TestDDLNamesEveryColumnWithTypeNullAndDescription(t *testing.T) {
	tests := []struct {
		dialect string
		types   map[Type]string
		column  string // name, type, NOT NULL
		comment string // table, name, description
		key     string
	}{
		{"duckdb",
			map[Type]string{String: "VARCHAR", Timestamp: "TIMESTAMPTZ", Float: "DOUBLE", Int: "BIGINT", Bool: "BOOLEAN", Bytes: "BLOB"},
			"  %s %s%s,\n", "COMMENT ON COLUMN %s.%s IS '%s';\n", "  PRIMARY KEY (%s)\n"},
		{"bigquery",
			map[Type]string{String: "STRING", Timestamp: "TIMESTAMP", Float: "FLOAT64", Int: "INT64", Bool: "BOOL", Bytes: "BYTES"},
			"  %s %s%s OPTIONS (description = ", "", "  PRIMARY KEY (%s) NOT ENFORCED\n"},
	}
	for _, test := range tests {
		t.Run(test.dialect, func(t *testing.T) {
			ddl, err := DDL(test.dialect)
			if err != nil {
				t.Fatal(err)
			}
			if again, _ := DDL(test.dialect); again != ddl {
				t.Error("another text the second time")
			}
			for _, table := range Tables {
				_, rest, ok := strings.Cut(ddl, "CREATE TABLE IF NOT EXISTS "+table.Name+" (\n")
				if !ok {
					t.Fatalf("no table %s", table.Name)
				}
				rest, _, _ = strings.Cut(rest, "\n\n")
				rest += "\n"
				var keys []string
				for _, c := range table.Columns {
					null := ""
					if c.Required {
						null = " NOT NULL"
					}
					if c.Key {
						keys = append(keys, c.Name)
					}
					want := []string{fmt.Sprintf(test.column, c.Name, test.types[c.Type], null)}
					if test.dialect == "duckdb" {
						want = append(want, fmt.Sprintf(test.comment, table.Name, c.Name, strings.ReplaceAll(c.Description, "'", "''")))
					} else {
						want[0] += "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(c.Description) + "'),\n"
					}
					for _, w := range want {
						if !strings.Contains(rest, w) {
							t.Errorf("%s: no %q", table.Name, w)
						}
					}
				}
				if want := fmt.Sprintf(test.key, strings.Join(keys, ", ")); !strings.Contains(rest, want) {
					t.Errorf("%s: no %q", table.Name, want)
				}
			}
		})
	}
}

func TestBigQueryTablesArePartitionedByDayAndClusteredByKey(t *testing.T) {
	ddl, err := DDL("bigquery")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"PARTITION BY DATE(start_time)\nCLUSTER BY account_sid, engagement_id\n",
		"PARTITION BY DATE(interval_start)\nCLUSTER BY account_sid, agent_id, interval_start, activity\n",
		"PARTITION BY DATE(turn_time)\nCLUSTER BY account_sid, turn_id\n",
		")\nCLUSTER BY contact_id\n",
		"  first_queue OPTIONS (description = 'Queue of the first engagement that has one.'),\n",
		"  ARRAY_AGG(e.queue IGNORE NULLS ORDER BY start_time, engagement_id LIMIT 1)[SAFE_OFFSET(0)] AS first_queue,\n",
	} {
		if !strings.Contains(ddl, want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestDDLOfUnknownDialectIsRefused(t *testing.T) {
	if _, err := DDL("oracle"); err == nil || !strings.Contains(err.Error(), "take duckdb or bigquery") {
		t.Errorf("got %v", err)
	}
}
