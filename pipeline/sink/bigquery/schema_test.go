package bigquery

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

// at returns a client and a dataset of the place that uri names.
func at(t *testing.T, uri string) (config, *bigquery.Dataset) {
	t.Helper()
	p := configOf(t, uri)
	c, err := p.rest(t.Context())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return p, c.Dataset(p.dataset)
}

func apply(t *testing.T, uri string) error {
	t.Helper()
	return Apply(t.Context(), strings.TrimPrefix(uri, "bigquery:"))
}

func TestTablesAreMadeAsTheModelSays(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := strings.Replace(localURI(s, "pii_dataset=private&policy_tag=projects/p/locations/us/taxonomies/1/policyTags/2"), "max_staleness=0s", "max_staleness=20m", 1)
	for range 2 { // the second time there is nothing to do
		must(t, apply(t, uri))
	}
	_, d := at(t, uri)
	_, private := at(t, strings.Replace(uri, "."+d.DatasetID, ".private", 1))
	for _, table := range tables {
		in := d
		if table.personal {
			if _, err := d.Table(table.name).Metadata(t.Context()); restStatus(err) != 404 {
				t.Errorf("%s is in the dataset for everyone: %v", table.name, err)
			}
			in = private
		}
		meta, err := in.Table(table.name).Metadata(t.Context())
		if err != nil {
			t.Error(err)
			continue
		}
		if meta.Description != table.description || meta.Labels[managedLabel] != agent {
			t.Errorf("%s: description %q, labels %v", table.name, meta.Description, meta.Labels)
		}
		if got := strings.Join(meta.TableConstraints.PrimaryKey.Columns, " "); got != strings.Join(table.keyNames(), " ") {
			t.Errorf("%s: key %s", table.name, got)
		}
		if got := meta.Clustering.Fields; strings.Join(got, " ") != strings.Join(table.keyNames(), " ") {
			t.Errorf("%s: clustered by %v", table.name, got)
		}
		day := ""
		if meta.TimePartitioning != nil {
			day = meta.TimePartitioning.Field
		}
		if day != table.day {
			t.Errorf("%s: partitioned by %q, want %q", table.name, day, table.day)
		}
		if table != deletesTable && (meta.MaxStaleness == nil || meta.MaxStaleness.ToDuration() != 20*time.Minute) {
			t.Errorf("%s: max_staleness %v", table.name, meta.MaxStaleness)
		}
		if len(meta.Schema) != len(table.columns) {
			t.Fatalf("%s has %d columns, want %d", table.name, len(meta.Schema), len(table.columns))
		}
		for i, c := range table.columns {
			f := meta.Schema[i]
			if f.Name != c.name || f.Type != fieldTypes[c.kind] || f.Required != c.required || f.Description != c.description || (f.PolicyTags != nil) != c.personal {
				t.Errorf("%s.%s is %+v", table.name, c.name, f)
			}
		}
	}
	for _, v := range model.Views {
		meta, err := d.Table(v.Name).Metadata(t.Context())
		must(t, err)
		if meta.Type != bigquery.ViewTable || meta.Description != v.Description || len(meta.Schema) != len(v.Columns()) {
			t.Errorf("%s: %+v", v.Name, meta)
		}
		for _, f := range meta.Schema {
			if f.Description == "" {
				t.Errorf("%s.%s is not described", v.Name, f.Name)
			}
		}
	}
}

func TestAdditionsArePatchedIn(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "")
	_, d := at(t, uri)
	must(t, d.Create(t.Context(), nil))
	// An older agents: without some columns and without a key, stricter about one, and with a
	// column of the owner's.
	old := bigquery.Schema{
		{Name: "account_sid", Type: bigquery.StringFieldType, Required: true},
		{Name: "agent_id", Type: bigquery.StringFieldType, Required: true},
		{Name: "agent_name", Type: bigquery.StringFieldType, Required: true},
		{Name: "note", Type: bigquery.StringFieldType, Description: "mine"},
		{Name: "row_version", Type: bigquery.IntegerFieldType},
	}
	must(t, d.Table("agents").Create(t.Context(), &bigquery.TableMetadata{Schema: old, Description: "my agents"}))
	must(t, apply(t, uri))
	meta, err := d.Table("agents").Metadata(t.Context())
	must(t, err)
	got := map[string]*bigquery.FieldSchema{}
	for _, f := range meta.Schema {
		got[f.Name] = f
	}
	for _, c := range model.Agents.Columns {
		if got[c.Name] == nil || got[c.Name].Description == "" {
			t.Errorf("%s is %+v", c.Name, got[c.Name])
		}
	}
	if got["note"] == nil || got["agent_name"].Required || meta.Description != "my agents" || meta.TableConstraints == nil {
		t.Errorf("%+v", meta)
	}
	w := openSink(t, uri)
	change := sampleAgent("WK1", 1)
	must(t, w.Write(t.Context(), change))
	must(t, w.Close(t.Context()))
	if rows := readRows(t, uri, &model.Agents); len(rows) != 1 || rows[0][1].Str != "WK1" {
		t.Errorf("%v", rows)
	}
}

func TestATableThatDoesNotFitIsAnErrorThatNamesTheColumn(t *testing.T) {
	field := func(name string, kind bigquery.FieldType, required bool) *bigquery.FieldSchema {
		return &bigquery.FieldSchema{Name: name, Type: kind, Required: required}
	}
	tests := []struct {
		name string
		meta bigquery.TableMetadata
		want []string
	}{
		{"another type", bigquery.TableMetadata{Schema: bigquery.Schema{field("account_sid", bigquery.StringFieldType, true), field("agent_id", bigquery.IntegerFieldType, true)}},
			[]string{"agents", "column agent_id is INT64, wanted STRING"}},
		{"a column that must be given", bigquery.TableMetadata{Schema: bigquery.Schema{field("account_sid", bigquery.StringFieldType, true), field("badge", bigquery.FloatFieldType, true)}},
			[]string{"column badge is FLOAT64 NOT NULL, wanted no such column"}},
		{"another key", bigquery.TableMetadata{Schema: bigquery.Schema{field("agent_id", bigquery.StringFieldType, true)},
			TableConstraints: &bigquery.TableConstraints{PrimaryKey: &bigquery.PrimaryKey{Columns: []string{"agent_id"}}}},
			[]string{"primary key is (agent_id), wanted (account_sid, agent_id)"}},
	}
	s := startLocal(t, bigquerylocal.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			uri := localURI(s, "")
			_, d := at(t, uri)
			must(t, d.Create(t.Context(), nil))
			must(t, d.Table("agents").Create(t.Context(), &test.meta))
			before, err := d.Table("agents").Metadata(t.Context())
			must(t, err)
			err = apply(t, uri)
			if !errors.Is(err, ErrTable) {
				t.Fatalf("got %v", err)
			}
			for _, w := range test.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v: no %q", err, w)
				}
			}
			if after, err := d.Table("agents").Metadata(t.Context()); err != nil || len(after.Schema) != len(before.Schema) {
				t.Errorf("the table was changed: %v", err)
			}
		})
	}
}

func TestAForeignViewIsLeftAlone(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "")
	_, d := at(t, uri)
	must(t, d.Create(t.Context(), nil))
	must(t, d.Table("abandonment").Create(t.Context(), &bigquery.TableMetadata{ViewQuery: "SELECT 1 AS mine"}))
	if err := apply(t, uri); !errors.Is(err, ErrTable) || !strings.Contains(err.Error(), "abandonment") || !strings.Contains(err.Error(), managedLabel) {
		t.Errorf("got %v", err)
	}
	if meta, err := d.Table("abandonment").Metadata(t.Context()); err != nil || meta.ViewQuery != "SELECT 1 AS mine" {
		t.Errorf("%+v, %v", meta, err)
	}
}

func TestADatasetInAnotherLocationIsAnError(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "")
	must(t, apply(t, uri))
	if err := apply(t, uri+"&location=EU"); err == nil || !strings.Contains(err.Error(), "is in US, not in EU") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutSchemaNothingIsMade(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "schema=none")
	if _, err := sink.Open(t.Context(), uri, sink.Options{}); err == nil || !strings.Contains(err.Error(), "flexbeam schema apply") {
		t.Errorf("got %v", err)
	}
	must(t, apply(t, uri)) // this is what makes them
	w := openSink(t, uri)
	if _, err := w.Counts(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, w.Close(t.Context()))
}
