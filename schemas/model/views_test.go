package model

import (
	"strings"
	"testing"
)

func TestViewsNameTheirTablesAsTold(t *testing.T) {
	name := func(n string) string { return "`p.d." + n + "`" }
	for _, v := range Views {
		text := v.BigQuery(name)
		for _, want := range []string{"CREATE OR REPLACE VIEW `p.d." + v.Name + "` (\n", "('managed_by', 'flexbeam')"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q", v.Name, want)
			}
		}
		if strings.ContainsAny(v.BigQueryText(name), "{}") {
			t.Errorf("%s: a mark is left:\n%s", v.Name, text)
		}
		for _, table := range Tables {
			if strings.Contains(text, "FROM "+table.Name) || strings.Contains(text, "JOIN "+table.Name) {
				t.Errorf("%s: %s is not named as told", v.Name, table.Name)
			}
		}
	}
}

func TestEveryColumnOfAViewIsDescribed(t *testing.T) {
	for _, v := range Views {
		if v.Description == "" || len(v.Columns()) != len(v.columns) {
			t.Errorf("%s is not described", v.Name)
		}
		for _, c := range v.columns {
			n := 0
			for _, s := range []string{c.expr, c.first, c.last} {
				if s != "" {
					n++
				}
			}
			if n != 1 || c.description == "" {
				t.Errorf("%s.%s has %d definitions, described %q", v.Name, c.name, n, c.description)
			}
		}
	}
}

func TestPersonalColumnsExist(t *testing.T) {
	for id, names := range personal {
		for _, n := range names {
			if table := Tables[id]; !table.Personal(table.Columns[table.Col(n)].Name) {
				t.Errorf("%s.%s", table.Name, n)
			}
		}
	}
	if Agents.Personal("agent_name") {
		t.Error("an agent is no customer")
	}
}
