package main

import (
	"reflect"
	"testing"
)

func TestStatementsAreCutAtSemicolonsThatEndALine(t *testing.T) {
	got := statements("-- a comment\nSELECT ';' AS a,\n  2;\n\nSELECT 3\n")
	want := []statement{{2, "SELECT ';' AS a,\n  2"}, {5, "SELECT 3"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOfMarkdownTheBlocksOfSQLAreTaken(t *testing.T) {
	got := blocks("# Title\n\n```sql\nSELECT 1;\n\nSELECT 2;\n```\n\n```\nnothing\n```\n")
	want := []statement{{4, "SELECT 1"}, {6, "SELECT 2"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFaultsAreFound(t *testing.T) {
	a, err := newAnalyser()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		sql string
		ok  bool
	}{
		{"CREATE TABLE t (\n  name STRING NOT NULL OPTIONS (description = 'a, b'),\n  n INT64,\n  seen TIMESTAMP,\n  PRIMARY KEY (name) NOT ENFORCED\n)\nPARTITION BY DATE(seen)\nCLUSTER BY name", true},
		{"SELECT name, SUM(n) AS n FROM t GROUP BY name", true},
		{"SELECT nope FROM t", false},
		{"SELECT name + n FROM t", false},
		{"SELECT name FROM nowhere", false},
		{"SELEC name FROM t", false},
	}
	for _, test := range tests {
		if err := a.analyse(test.sql); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.sql, err)
		}
	}
}
