package bigquerylocal_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"

	"flexbeam/internal/testkit/bigquerylocal"
)

// https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets
func TestDatasetsAreKept(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	d := b.client.Dataset("more")
	if _, err := d.Metadata(b.ctx); apiError(t, err).Code != http.StatusNotFound || apiError(t, err).Errors[0].Reason != "notFound" {
		t.Errorf("a dataset that is missing: %v", err)
	}
	b.must(d.Create(b.ctx, &bigquery.DatasetMetadata{Description: "first", Location: "EU", Labels: map[string]string{"a": "1"}}))
	if err := d.Create(b.ctx, nil); apiError(t, err).Code != http.StatusConflict || apiError(t, err).Errors[0].Reason != "duplicate" {
		t.Errorf("a dataset again: %v", err)
	}
	m, err := d.Metadata(b.ctx)
	b.must(err)
	var u bigquery.DatasetMetadataToUpdate
	u.Description = "second"
	u.SetLabel("b", "2")
	u.DeleteLabel("a")
	if _, err := d.Update(b.ctx, u, "stale"); apiError(t, err).Code != http.StatusPreconditionFailed {
		t.Errorf("an update with an old etag: %v", err)
	}
	n, err := d.Update(b.ctx, u, m.ETag)
	b.must(err)
	if n.Description != "second" || n.Location != "EU" || n.ETag == m.ETag || cmp.Diff(map[string]string{"b": "2"}, n.Labels) != "" {
		t.Errorf("got %+v", n)
	}
	var names []string
	for it := b.client.Datasets(b.ctx); ; {
		d, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		b.must(err)
		names = append(names, d.DatasetID)
	}
	if d := cmp.Diff([]string{"calls", "more"}, names); d != "" {
		t.Error(d)
	}
	b.must(d.Table("t").Create(b.ctx, &bigquery.TableMetadata{Schema: people()}))
	if err := d.Delete(b.ctx); apiError(t, err).Errors[0].Reason != "resourceInUse" {
		t.Errorf("a dataset with a table is deleted: %v", err)
	}
	b.must(d.DeleteWithContents(b.ctx))
	if err := d.Create(b.ctx, &bigquery.DatasetMetadata{Labels: map[string]string{"Bad": "1"}}); apiError(t, err).Code != http.StatusBadRequest {
		t.Errorf("a label in upper case: %v", err)
	}
}

// https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#resource:-table
func TestWhatATableWasGivenIsReturned(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	schema := people()
	schema[0].Description, schema[1].PolicyTags = "who", &bigquery.PolicyTagList{Names: []string{"projects/p/locations/us/taxonomies/1/policyTags/2"}}
	given := &bigquery.TableMetadata{
		Schema: schema, Description: "People.", Name: "people", Labels: map[string]string{"managed_by": "flexbeam"}, ExpirationTime: time.Now().Add(time.Hour).Truncate(time.Millisecond),
		TimePartitioning: &bigquery.TimePartitioning{Type: bigquery.DayPartitioningType, Field: "seen"}, Clustering: &bigquery.Clustering{Fields: []string{"id", "name"}},
		TableConstraints: &bigquery.TableConstraints{PrimaryKey: &bigquery.PrimaryKey{Columns: []string{"id"}}}, MaxStaleness: bigquery.IntervalValueFromDuration(15 * time.Minute),
	}
	table := b.client.Dataset(datasetID).Table("people")
	b.must(table.Create(b.ctx, given))
	if err := table.Create(b.ctx, given); apiError(t, err).Code != http.StatusConflict {
		t.Errorf("a table again: %v", err)
	}
	got, err := table.Metadata(b.ctx)
	b.must(err)
	if got.Type != bigquery.RegularTable || got.ETag == "" || got.CreationTime.IsZero() || got.MaxStaleness.ToDuration() != 15*time.Minute || !got.ExpirationTime.Equal(given.ExpirationTime) {
		t.Errorf("got %+v", got)
	}
	for i, d := range []string{cmp.Diff(given.Schema, got.Schema), cmp.Diff(given.Labels, got.Labels), cmp.Diff(given.TimePartitioning, got.TimePartitioning), cmp.Diff(given.Clustering, got.Clustering),
		cmp.Diff(given.TableConstraints.PrimaryKey, got.TableConstraints.PrimaryKey), cmp.Diff(given.Description, got.Description)} {
		if d != "" {
			t.Error(i, d)
		}
	}
	var u bigquery.TableMetadataToUpdate
	u.Description, u.MaxStaleness = "Persons.", bigquery.IntervalValueFromDuration(0)
	u.SetLabel("more", "x")
	got, err = table.Update(b.ctx, u, got.ETag)
	b.must(err)
	if got.Description != "Persons." || got.Labels["more"] != "x" || got.Labels["managed_by"] != "flexbeam" || got.MaxStaleness.ToDuration() != 0 || got.TableConstraints == nil || len(got.Schema) != len(schema) {
		t.Errorf("after the update: %+v", got)
	}
	if _, err := table.Update(b.ctx, u, "stale"); apiError(t, err).Code != http.StatusPreconditionFailed {
		t.Errorf("an update with an old etag: %v", err)
	}
}

// https://cloud.google.com/bigquery/docs/managing-table-schemas
func TestSchemasOnlyGrowAndRelax(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	table := b.table("people", people(), "id")
	b.query("INSERT INTO calls.people (id) VALUES ('a')")
	update := func(f func(bigquery.Schema) bigquery.Schema) error {
		_, err := table.Update(b.ctx, bigquery.TableMetadataToUpdate{Schema: f(people())}, "")
		return err
	}
	for message, f := range map[string]func(bigquery.Schema) bigquery.Schema{
		"Field name is missing in new schema":                   func(s bigquery.Schema) bigquery.Schema { return append(s[:1:1], s[2:]...) },
		"Field age has changed type from INTEGER to STRING":     func(s bigquery.Schema) bigquery.Schema { s[2].Type = bigquery.StringFieldType; return s },
		"Field name has changed mode from NULLABLE to REQUIRED": func(s bigquery.Schema) bigquery.Schema { s[1].Required = true; return s },
		"Cannot add required fields": func(s bigquery.Schema) bigquery.Schema {
			return append(s, &bigquery.FieldSchema{Name: "more", Type: bigquery.StringFieldType, Required: true})
		},
		"Duplicate field name: ID": func(s bigquery.Schema) bigquery.Schema {
			return append(s, &bigquery.FieldSchema{Name: "ID", Type: bigquery.StringFieldType})
		},
		"does not know columns of type RECORD": func(s bigquery.Schema) bigquery.Schema {
			return append(s, &bigquery.FieldSchema{Name: "r", Type: bigquery.RecordFieldType, Schema: people()})
		},
		"does not know columns of mode REPEATED": func(s bigquery.Schema) bigquery.Schema {
			return append(s, &bigquery.FieldSchema{Name: "r", Type: bigquery.StringFieldType, Repeated: true})
		},
	} {
		if err := update(f); err == nil || apiError(t, err).Code != http.StatusBadRequest || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v", message, err)
		}
	}
	b.must(update(func(s bigquery.Schema) bigquery.Schema {
		s[0].Required = false
		return append(s, &bigquery.FieldSchema{Name: "more", Type: bigquery.IntegerFieldType})
	}))
	b.query("INSERT INTO calls.people (name, more) VALUES ('nobody', 1)")
	if d := cmp.Diff([]string{`[null,1]`, `["a",null]`}, b.query("SELECT id, more FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
	var u bigquery.TableMetadataToUpdate
	u.TimePartitioning = &bigquery.TimePartitioning{Type: bigquery.DayPartitioningType, Field: "seen"}
	if _, err := table.Update(b.ctx, u, ""); err == nil || !strings.Contains(err.Error(), "Cannot change partitioning") {
		t.Errorf("partitioning is changed: %v", err)
	}
}

// https://cloud.google.com/bigquery/docs/clustered-tables, .../partitioned-tables and
// .../primary-foreign-keys
func TestTablesThatBigQueryRefusesAreRefused(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	many := bigquery.Schema{}
	var names []string
	for i := range 17 {
		names = append(names, "k"+itoa(i))
		many = append(many, &bigquery.FieldSchema{Name: names[i], Type: bigquery.StringFieldType})
	}
	key := func(columns ...string) *bigquery.TableConstraints {
		return &bigquery.TableConstraints{PrimaryKey: &bigquery.PrimaryKey{Columns: columns}}
	}
	for message, m := range map[string]*bigquery.TableMetadata{
		"at most 16 columns":                        {Schema: many, TableConstraints: key(names...)},
		"Primary key column nope does not exist":    {Schema: people(), TableConstraints: key("nope")},
		"has the type FLOAT64":                      {Schema: people(), TableConstraints: key("score")},
		"1 to 4 columns":                            {Schema: people(), Clustering: &bigquery.Clustering{Fields: []string{"id", "name", "age", "active", "seen"}}},
		"specified for clustering cannot be found":  {Schema: people(), Clustering: &bigquery.Clustering{Fields: []string{"nope"}}},
		"specified for partitioning cannot be":      {Schema: people(), TimePartitioning: &bigquery.TimePartitioning{Field: "nope"}},
		"must be DATE, DATETIME or TIMESTAMP":       {Schema: people(), TimePartitioning: &bigquery.TimePartitioning{Field: "name"}},
		"does not know the function NOPE":           {ViewQuery: "SELECT NOPE(1)"},
		"Not found: Table local-project:calls.nope": {ViewQuery: "SELECT * FROM calls.nope"},
	} {
		if err := b.client.Dataset(datasetID).Table("t").Create(b.ctx, m); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v", message, err)
		}
	}
}

// https://cloud.google.com/bigquery/docs/managing-tables#updating_a_tables_expiration_time
func TestATableIsGoneWhenItExpires(t *testing.T) {
	now := time.Now()
	b := start(t, bigquerylocal.Options{Now: func() time.Time { return now }})
	table := b.client.Dataset(datasetID).Table("people")
	b.must(table.Create(b.ctx, &bigquery.TableMetadata{Schema: people(), ExpirationTime: now.Add(time.Hour)}))
	b.query("SELECT * FROM calls.people")
	now = now.Add(2 * time.Hour)
	if _, err := table.Metadata(b.ctx); apiError(t, err).Code != http.StatusNotFound {
		t.Errorf("got %v", err)
	}
	if _, err := b.tryQuery("SELECT * FROM calls.people"); apiError(t, err).Code != http.StatusNotFound {
		t.Errorf("got %v", err)
	}
	b.table("people", people())
}

func TestAViewShowsItsQuery(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people(), "id")
	view := b.client.Dataset(datasetID).Table("adults")
	b.must(view.Create(b.ctx, &bigquery.TableMetadata{ViewQuery: "SELECT id, age FROM calls.people WHERE age >= 18", Description: "Grown."}))
	m, err := view.Metadata(b.ctx)
	b.must(err)
	if m.Type != bigquery.ViewTable || m.ViewQuery != "SELECT id, age FROM calls.people WHERE age >= 18" || len(m.Schema) != 2 || m.Schema[1].Type != bigquery.IntegerFieldType {
		t.Errorf("got %+v", m)
	}
	b.query("INSERT INTO calls.people (id, age) VALUES ('a', 17), ('b', 18)")
	if d := cmp.Diff([]string{`["b",18]`}, b.query("SELECT * FROM `local-project.calls.adults`")); d != "" {
		t.Error(d)
	}
	_, err = view.Update(b.ctx, bigquery.TableMetadataToUpdate{ViewQuery: "SELECT id FROM calls.people"}, "")
	b.must(err)
	if d := cmp.Diff([]string{`["a"]`, `["b"]`}, b.query("SELECT * FROM calls.adults ORDER BY id")); d != "" {
		t.Error(d)
	}
	if _, err := b.tryQuery("DELETE FROM calls.adults WHERE TRUE"); err == nil {
		t.Error("rows of a view are deleted")
	}
	b.must(view.Delete(b.ctx))
	if _, err := b.tryQuery("SELECT * FROM calls.adults"); apiError(t, err).Code != http.StatusNotFound {
		t.Errorf("got %v", err)
	}
}

// https://cloud.google.com/bigquery/docs/paging-results
func TestRowsComeInPages(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	b.query("INSERT INTO calls.people (id, seen) VALUES ('a', TIMESTAMP '2026-01-02 03:04:05.678901Z'), ('b', NULL), ('c', NULL), ('d', NULL), ('e', NULL)")
	read := func(it *bigquery.RowIterator, err error) (ids []bigquery.Value) {
		t.Helper()
		b.must(err)
		it.PageInfo().MaxSize = 2
		for {
			var r []bigquery.Value
			err := it.Next(&r)
			if errors.Is(err, iterator.Done) {
				if it.TotalRows != 5 {
					t.Errorf("%d rows in all", it.TotalRows)
				}
				return ids
			}
			b.must(err)
			ids = append(ids, r[0])
		}
	}
	want := []bigquery.Value{"a", "b", "c", "d", "e"}
	if d := cmp.Diff(want, read(b.client.Dataset(datasetID).Table("people").Read(b.ctx), nil)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want, read(b.client.Query("SELECT id FROM calls.people ORDER BY id").Read(b.ctx))); d != "" {
		t.Error(d)
	}
	// Without a client's wish for integers, timestamps are seconds with a fraction.
	for query, wants := range map[string][]string{
		"":                                      {`{"v":"1.767323045678901E+09"}`, `{"v":null}`},
		"&formatOptions.useInt64Timestamp=True": {`{"v":"1767323045678901"}`},
		"&selectedFields=seen,id&formatOptions.useInt64Timestamp=true": {`"rows":[{"f":[{"v":"a"},{"v":"1767323045678901"}]}]`},
	} {
		resp, err := http.Get(b.server.RESTEndpoint + "projects/" + project + "/datasets/calls/tables/people/data?maxResults=1" + query)
		b.must(err)
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		resp.Body.Close()
		b.must(err)
		for _, want := range wants {
			if !strings.Contains(body.String(), want) {
				t.Errorf("%q: no %s in %s", query, want, body.String())
			}
		}
	}
}

// The same requestId of jobs.query runs once:
// https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query#QueryRequest
func TestAQueryThatIsSentAgainRunsOnce(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	b.server.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Lose, Method: "jobs.query", Status: 503})
	b.query("INSERT INTO calls.people (id) VALUES ('a')")
	if d := cmp.Diff([]string{`["a"]`}, b.query("SELECT id FROM calls.people")); d != "" {
		t.Error(d)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	for query, ok := range map[string]bool{"INSERT INTO calls.people (id) VALUES ('a')": true, "SELECT nope FROM calls.people": false} {
		q := b.client.Query(query)
		q.DryRun = true
		_, err := q.Run(b.ctx)
		if (err == nil) != ok {
			t.Errorf("%s: %v", query, err)
		}
	}
	if d := cmp.Diff([]string{`[0]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
}
