package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitSQLCutsAtSemicolonsOnly(t *testing.T) {
	tests := []struct {
		name, sql string
		want      []string
	}{
		{"none", "", nil},
		{"blanks and comments only", " ; -- a\n /* b; /* c; */ ; */ ;", nil},
		{"one", "SELECT 1", []string{"SELECT 1"}},
		{"one with its end", "SELECT 1;\n", []string{"SELECT 1"}},
		{"two", "SELECT 1; SELECT 2", []string{"SELECT 1", "SELECT 2"}},
		{"string", "SELECT 'a;''b;'; SELECT 2", []string{"SELECT 'a;''b;'", "SELECT 2"}},
		{"backslash is no escape", `SELECT '\'; SELECT 2`, []string{`SELECT '\'`, "SELECT 2"}},
		{"escape string", `SELECT e'\';''' ; SELECT 2`, []string{`SELECT e'\';'''`, "SELECT 2"}},
		{"word before a string", `SELECT date'2026-01-01'; SELECT 2`, []string{`SELECT date'2026-01-01'`, "SELECT 2"}},
		{"name", `SELECT ";" FROM "a""b;"; SELECT 2`, []string{`SELECT ";" FROM "a""b;"`, "SELECT 2"}},
		{"dollars", "SELECT $$a;'$$, $t$;$$;$t$; SELECT $1", []string{"SELECT $$a;'$$, $t$;$$;$t$", "SELECT $1"}},
		{"comment inside", "SELECT 1 -- a;b\n+ 2; /* x */ SELECT 3", []string{"SELECT 1 -- a;b\n+ 2", "/* x */ SELECT 3"}},
		{"without end", "SELECT 'a; b", []string{"SELECT 'a; b"}},
		{"comment without end", "SELECT 1 /* a; b", []string{"SELECT 1 /* a; b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, splitSQL(tt.sql)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
