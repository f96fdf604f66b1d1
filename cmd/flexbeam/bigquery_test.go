package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/bigquerylocal"
)

// The same command line with another URI fills the same tables, live and by load jobs, and a replay
// changes nothing.
func TestBigQueryHasTheRowsOfDuckDB(t *testing.T) {
	s, err := bigquerylocal.Start(bigquerylocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	place := func(dataset, options string) string {
		return fmt.Sprintf("bigquery:local-project.%s?endpoint=%s&grpc_endpoint=%s%s", dataset, strings.TrimSuffix(s.RESTEndpoint, "/bigquery/v2/"), s.GRPCEndpoint, options)
	}
	dir := t.TempDir()
	day, err := filepath.Abs(filepath.Join(top, sampleDay))
	if err != nil {
		t.Fatal(err)
	}
	rows := func(sink string, args ...string) map[string]int64 {
		t.Helper()
		r := start(t, dir, "", append([]string{"run", "--source=file:" + day, "--sink=" + sink, "--log-format=json", "--as-of=2026-03-03T00:00:00Z"}, args...)...)
		if r.code != 0 {
			t.Fatalf("exit %d: %s", r.code, r.errors)
		}
		var d done
		lines := strings.Split(strings.TrimSpace(r.errors), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &d); err != nil {
			t.Fatalf("%v in: %s", err, r.errors)
		}
		return d.Rows
	}
	want := rows("duckdb:day.duckdb", "--runner=direct")
	if r := start(t, dir, "", "schema", "apply", "--sink="+place("live", "")); r.code != 0 || r.out != "" {
		t.Fatalf("exit %d: %s", r.code, r.errors)
	}
	for range 2 {
		for _, got := range []map[string]int64{
			rows(place("live", "&schema=none"), "--mode=stream"),
			rows(place("loaded", "&mode=load"), "--runner=direct"),
		} {
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
	}
}

// A job tells how many queries it ran and what BigQuery billed for them; no other sink bills any.
func TestAJobTellsWhatBigQueryBilled(t *testing.T) {
	s, place := localPlaces(t)
	dir := t.TempDir()
	if r := start(t, dir, "", "simulate", "--tasks=20", "--out=day.ndjson"); r.code != 0 {
		t.Fatal(r.errors)
	}
	told := func(sink string) (d done) {
		t.Helper()
		r := start(t, dir, "", "run", "--runner=direct", "--source=file:day.ndjson", "--sink="+sink, "--log-format=json")
		lines := strings.Split(strings.TrimSpace(r.errors), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &d); r.code != 0 || err != nil {
			t.Fatalf("exit %d, %v: %s", r.code, err, r.errors)
		}
		return d
	}
	if d := told("duckdb:day.duckdb"); d.Queries != 0 || d.Billed != 0 {
		t.Errorf("DuckDB: %d queries, %d bytes billed", d.Queries, d.Billed)
	}
	for i, name := range []string{"empty tables", "tables with rows"} {
		before := billed(t, s)
		d := told(place("billed", "&mode=stream"))
		if now := billed(t, s); d.Queries == 0 || d.Billed != now-before || (d.Billed > 0) != (i > 0) {
			t.Errorf("%s: %d queries, %d bytes billed, by the service %d", name, d.Queries, d.Billed, now-before)
		}
	}
}

// billed returns what the local BigQuery has billed for queries.
func billed(t *testing.T, s *bigquerylocal.Server) int64 {
	t.Helper()
	rows, err := s.Query("local-project", "SELECT COALESCE(SUM(total_bytes_billed), 0) AS n FROM `region-us`.INFORMATION_SCHEMA.JOBS_BY_PROJECT WHERE job_type = 'QUERY'")
	if err != nil {
		t.Fatal(err)
	}
	n, ok := rows[0]["n"].(int64)
	if !ok {
		t.Fatalf("billed bytes: %v", rows)
	}
	return n
}
