package bigquerylocal_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/bigquerylocal"
)

// days makes a table of people that is partitioned by the day of seen.
func (b *bench) days(name string, keys ...string) *bigquery.Table {
	b.Helper()
	t := b.client.Dataset(datasetID).Table(name)
	b.must(t.Create(b.ctx, &bigquery.TableMetadata{Schema: people(), TimePartitioning: &bigquery.TimePartitioning{Type: bigquery.DayPartitioningType, Field: "seen"},
		TableConstraints: &bigquery.TableConstraints{PrimaryKey: &bigquery.PrimaryKey{Columns: keys}}}))
	return t
}

// DML and change data capture: https://cloud.google.com/datastream/docs/destination-bigquery (known
// limitations)
func TestATableThatHadUpsertsTakesNoChangingDML(t *testing.T) {
	for _, lax := range []bool{false, true} {
		b := start(t, bigquerylocal.Options{LaxDML: lax})
		b.table("people", people(), "id")
		f := newForm(t, changes(people()))
		m := b.stream("people", managedwriter.DefaultStream, f)
		b.must(second(b.send(m, f.row("id", "a", "_CHANGE_TYPE", "UPSERT"))))
		statements := []string{"DELETE FROM calls.people WHERE id = 'b'", "UPDATE calls.people SET name = 'x' WHERE id = 'b'",
			"MERGE calls.people AS t USING (SELECT 'c' AS id) AS s ON t.id = s.id WHEN MATCHED THEN DELETE"}
		refused := func(when string, want bool) {
			t.Helper()
			for _, s := range statements {
				_, err := b.tryQuery(s)
				if got := err != nil && strings.Contains(err.Error(), "not supported over tables that had UPSERT streams"); got != want {
					t.Errorf("lax %v, %s: %s: %v", lax, when, s, err)
				}
			}
		}
		refused("while it streams", true)
		m.Close() // returns how the stream ended
		b.query("INSERT INTO calls.people (id) VALUES ('b')")
		if lax {
			for range 100 { // until the service has seen that the connection is closed
				if _, err := b.tryQuery(statements[0]); err == nil {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
		refused("afterwards", !lax)
	}
}

// https://cloud.google.com/bigquery/docs/write-api#time-unit_column_partitioning
func TestRowsOfFarDaysCannotBeStreamed(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	b := start(t, bigquerylocal.Options{Now: func() time.Time { return now }})
	b.days("people", "id")
	f := newForm(t, changes(people()))
	m := b.stream("people", managedwriter.DefaultStream, f)
	for _, tt := range []struct {
		seen time.Time
		ok   bool
	}{
		{now, true}, {now.AddDate(-9, 0, 0), true}, {now.AddDate(-11, 0, 0), false}, {now.AddDate(0, 11, 0), true}, {now.AddDate(1, 1, 0), false},
		{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		for _, kind := range []string{"UPSERT", "DELETE"} {
			_, err := b.send(m, f.row("id", "a", "seen", tt.seen.UnixMicro(), "_CHANGE_TYPE", kind))
			if (err == nil) != tt.ok {
				t.Errorf("%s of %v: %v", kind, tt.seen, err)
			}
		}
	}
	b.must(second(b.send(m, f.row("id", "n", "_CHANGE_TYPE", "UPSERT")))) // without a day
	b.query("INSERT INTO calls.people (id, seen) VALUES ('old', TIMESTAMP '1990-01-01 00:00:00Z')")
	err := b.client.Dataset(datasetID).Table("people").Inserter().Put(b.ctx, []*bigquery.StructSaver{{Struct: struct {
		ID   string    `bigquery:"id"`
		Seen time.Time `bigquery:"seen"`
	}{"x", now.AddDate(-11, 0, 0)}, Schema: bigquery.Schema{people()[0], people()[5]}}})
	if err == nil || !strings.Contains(err.Error(), "insertion failed") {
		t.Errorf("insertAll: %v", err)
	}
}

// A partition is settled by itself.
func TestAChangeSeesTheRowsOfItsPartitionOnly(t *testing.T) {
	for _, anyPartition := range []bool{false, true} {
		b := start(t, bigquerylocal.Options{AnyPartition: anyPartition})
		b.days("people", "id")
		f := newForm(t, changes(people()))
		m := b.stream("people", managedwriter.DefaultStream, f)
		day := func(n int) int64 { return time.Date(2026, 3, n, 7, 0, 0, 0, time.UTC).UnixMicro() }
		for i, id := range []string{"a", "b", "c"} {
			b.must(second(b.send(m, f.row("id", id, "seen", day(i+1), "_CHANGE_TYPE", "UPSERT", "_CHANGE_SEQUENCE_NUMBER", "1"))))
		}
		b.query("SELECT 1 FROM calls.people")
		b.must(second(b.send(m, f.row("id", "a", "seen", day(9), "_CHANGE_TYPE", "DELETE", "_CHANGE_SEQUENCE_NUMBER", "2"))))
		b.must(second(b.send(m, f.row("id", "b", "seen", day(2)+1, "_CHANGE_TYPE", "DELETE", "_CHANGE_SEQUENCE_NUMBER", "2"))))
		b.must(second(b.send(m, f.row("id", "c", "seen", day(9), "_CHANGE_TYPE", "UPSERT", "_CHANGE_SEQUENCE_NUMBER", "2"))))
		want := []string{`["a",1]`, `["c",3]`, `["c",9]`}
		if anyPartition {
			want = []string{`["c",9]`}
		}
		if d := cmp.Diff(want, b.query("SELECT id, EXTRACT(DAY FROM seen) FROM calls.people ORDER BY id, seen")); d != "" {
			t.Errorf("any partition %v: %s", anyPartition, d)
		}
		if !anyPartition { // a row that moves: deleted where it was, upserted where it is
			b.must(second(b.send(m, f.row("id", "c", "seen", day(3), "_CHANGE_TYPE", "DELETE", "_CHANGE_SEQUENCE_NUMBER", "3"))))
			if d := cmp.Diff(want[:1:1], b.query("SELECT id, EXTRACT(DAY FROM seen) FROM calls.people WHERE id <> 'c' ORDER BY id")); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{`[9]`}, b.query("SELECT EXTRACT(DAY FROM seen) FROM calls.people WHERE id = 'c'")); d != "" {
				t.Error(d)
			}
		}
	}
}

// https://cloud.google.com/bigquery/docs/change-data-capture#manage_custom_ordering
func TestSequenceNumbersAreOneToFourHexadecimalSections(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people(), "id")
	f := newForm(t, changes(people()))
	m := b.stream("people", managedwriter.DefaultStream, f)
	for sequence, ok := range map[string]bool{"0": true, "ffffffffffffffff": true, "0/1/2/3": true, "FFFFFFFFFFFFFFFF/0/0/0": true,
		"": false, "/": false, "1/": false, "0/1/2/3/4": false, "00000000000000001": false, "g": false, "-1": false, "1_0": false, "+1": false, " 1": false, "0x1": false} {
		if _, err := b.send(m, f.row("id", "a", "_CHANGE_TYPE", "UPSERT", "_CHANGE_SEQUENCE_NUMBER", sequence)); (err == nil) != ok {
			t.Errorf("%q: %v", sequence, err)
		}
	}
}

// https://cloud.google.com/bigquery/quotas#load_jobs
func TestATableTakesSoManyLoadJobsADay(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	b := start(t, bigquerylocal.Options{LoadJobs: 2, Now: func() time.Time { return now }})
	b.table("people", people())
	load := func() error {
		from := bigquery.NewReaderSource(strings.NewReader(`{"id": "a"}`))
		from.SourceFormat = bigquery.JSON
		l := b.client.Dataset(datasetID).Table("people").LoaderFrom(from)
		job, err := l.Run(b.ctx)
		b.must(err)
		status, err := job.Wait(b.ctx)
		b.must(err)
		return status.Err()
	}
	b.must(load())
	now = now.Add(time.Hour)
	b.must(load())
	if err := load(); err == nil || !strings.Contains(err.Error(), "quotaExceeded") {
		t.Errorf("the third one: %v", err)
	}
	now = now.Add(23 * time.Hour)
	b.must(load())
}

// loadDays loads rows of n days on, so many of each, and returns how the job ended.
func (b *bench) loadDays(first, n, each int) error {
	b.Helper()
	var rows strings.Builder
	for i := range n * each {
		day := first + i/each
		fmt.Fprintf(&rows, `{"id": "%d %d", "seen": %q}`+"\n", day, i%each, time.Date(2000, 1, day, 12, 0, 0, 0, time.UTC).Format(time.RFC3339))
	}
	from := bigquery.NewReaderSource(strings.NewReader(rows.String()))
	from.SourceFormat = bigquery.JSON
	job, err := b.client.Dataset(datasetID).Table("people").LoaderFrom(from).Run(b.ctx)
	b.must(err)
	status, err := job.Wait(b.ctx)
	b.must(err)
	return status.Err()
}

// Of a table with partitions each job counts as often as it has partitions
// (https://cloud.google.com/bigquery/quotas#partitioned_tables).
func TestATableTakesSoManyChangesOfPartitionsADay(t *testing.T) {
	b := start(t, bigquerylocal.Options{LoadJobs: 6})
	b.days("people", "id")
	b.must(b.loadDays(1, 3, 2))
	b.must(b.loadDays(2, 3, 2)) // the same partitions again are further changes
	if err := b.loadDays(9, 1, 2); err == nil || !strings.Contains(err.Error(), "quotaExceeded") {
		t.Errorf("the seventh: %v", err)
	}
	if d := cmp.Diff([]string{`[12]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
}

func TestALoadJobChangesSoManyPartitions(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.days("people", "id")
	b.must(b.loadDays(1, 4000, 1))
	if err := b.loadDays(1, 4001, 1); err == nil || !strings.Contains(err.Error(), "4000 are allowed") {
		t.Errorf("4001 partitions: %v", err)
	}
	if d := cmp.Diff([]string{`[4000]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
}

// https://cloud.google.com/bigquery/docs/managing-table-schemas
func TestNewColumnsComeLastAndNullable(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	table := b.table("people", people(), "id")
	schema := append(bigquery.Schema{{Name: "first", Type: bigquery.StringFieldType}}, people()...)
	_, err := table.Update(b.ctx, bigquery.TableMetadataToUpdate{Schema: schema}, "")
	b.must(err)
	b.query("ALTER TABLE calls.people ADD COLUMN IF NOT EXISTS second INT64 OPTIONS (description = 'a number'), ADD COLUMN IF NOT EXISTS first STRING")
	if _, err := b.tryQuery("ALTER TABLE calls.people ADD COLUMN third INT64 NOT NULL"); err == nil {
		t.Error("a column that must not be null is added")
	}
	got := b.query("SELECT column_name, is_nullable, data_type, ordinal_position FROM calls.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'people' AND ordinal_position > 6 ORDER BY ordinal_position")
	if d := cmp.Diff([]string{`["raw","YES","BYTES",7]`, `["first","YES","STRING",8]`, `["second","YES","INT64",9]`}, got); d != "" {
		t.Error(d)
	}
	b.query("INSERT INTO calls.people (id, first, second) VALUES ('a', 'x', 7)")
	if d := cmp.Diff([]string{`["a","x",7]`}, b.query("SELECT id, first, second FROM calls.people")); d != "" {
		t.Error(d)
	}
}

// https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/insertAll
func TestInsertAllInsertsTheRowsThatFit(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	put := func(body string) (int, string) {
		r, err := http.Post(b.server.RESTEndpoint+"projects/"+project+"/datasets/"+datasetID+"/tables/people/insertAll", "application/json", strings.NewReader(body))
		b.must(err)
		defer r.Body.Close()
		var text bytes.Buffer
		_, err = text.ReadFrom(r.Body)
		b.must(err)
		return r.StatusCode, text.String()
	}
	bad := `{"rows": [{"insertId": "1", "json": {"id": "a", "age": "7"}}, {"json": {"id": "b", "nope": 1}}]`
	if code, text := put(bad + "}"); code != 200 || !strings.Contains(text, "stopped") || !strings.Contains(text, "No such field: nope") {
		t.Errorf("%d %s", code, text)
	}
	for range 2 { // the second is the same row
		if code, text := put(bad + `, "skipInvalidRows": true}`); code != 200 || strings.Contains(text, "stopped") {
			t.Errorf("%d %s", code, text)
		}
	}
	if code, text := put(`{"rows": []}`); code != 400 {
		t.Errorf("no rows: %d %s", code, text)
	}
	if code, _ := put(`{"rows": [{"json": {"id": "` + strings.Repeat("x", 10<<20) + `"}}]}`); code != 413 {
		t.Errorf("11 MB: %d", code)
	}
	if d := cmp.Diff([]string{`["a",7]`}, b.query("SELECT id, age FROM calls.people")); d != "" {
		t.Error(d)
	}
	// https://cloud.google.com/bigquery/docs/data-manipulation-language#limitations
	if _, err := b.tryQuery("DELETE FROM calls.people WHERE TRUE"); err == nil || !strings.Contains(err.Error(), "streaming buffer") {
		t.Errorf("a DELETE of rows that came just now: %v", err)
	}
}

// https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
func TestTablesAreAlteredAndDroppedByStatements(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	b := start(t, bigquerylocal.Options{Now: func() time.Time { return now }})
	table := b.days("people", "id")
	b.query("CREATE VIEW calls.names AS SELECT name FROM calls.people")
	b.query("INSERT INTO calls.people (id, seen) VALUES ('old', TIMESTAMP '2026-05-20 23:00:00Z'), ('new', TIMESTAMP '2026-05-31 23:00:00Z')")
	b.query("ALTER TABLE calls.people SET OPTIONS (partition_expiration_days = 7, max_staleness = INTERVAL 15 MINUTE, labels = [('managed_by', 'me')], description = 'who \\\"called\\\"')")
	meta, err := table.Metadata(b.ctx)
	b.must(err)
	if meta.TimePartitioning.Expiration != 7*24*time.Hour || meta.MaxStaleness.ToDuration() != 15*time.Minute || meta.Labels["managed_by"] != "me" || len(meta.TableConstraints.PrimaryKey.Columns) != 1 {
		t.Errorf("%+v", meta)
	}
	if d := cmp.Diff([]string{`["new"]`}, b.query("SELECT id FROM calls.people")); d != "" {
		t.Errorf("rows of expired partitions: %s", d)
	}
	got := b.query("SELECT option_name, option_type, option_value FROM calls.INFORMATION_SCHEMA.TABLE_OPTIONS WHERE table_name = 'people' AND option_name <> 'description' ORDER BY 1")
	if d := cmp.Diff([]string{`["labels","ARRAY\u003cSTRUCT\u003cSTRING, STRING\u003e\u003e","[STRUCT(\"managed_by\", \"me\")]"]`, `["max_staleness","INTERVAL","INTERVAL \"0-0 0 0:15:0\" YEAR TO SECOND"]`,
		`["partition_expiration_days","FLOAT64","7.0"]`}, got); d != "" {
		t.Error(d)
	}
	b.query("ALTER TABLE calls.people SET OPTIONS (partition_expiration_days = NULL, max_staleness = NULL)")
	if meta, err = table.Metadata(b.ctx); err != nil || meta.TimePartitioning.Expiration != 0 || meta.MaxStaleness != nil && meta.MaxStaleness.ToDuration() != 0 {
		t.Errorf("%+v, %v", meta, err)
	}
	b.query("ALTER TABLE IF EXISTS calls.nobody SET OPTIONS (description = 'x')")
	b.query("DROP VIEW calls.names")
	b.query("DROP TABLE calls.people")
	b.query("DROP TABLE IF EXISTS calls.people")
	if _, err := b.tryQuery("DROP TABLE calls.people"); err == nil || !strings.Contains(err.Error(), "Not found") {
		t.Errorf("dropped twice: %v", err)
	}
}

// https://cloud.google.com/bigquery/docs/information-schema-intro
func TestTheInformationSchemaTellsOfTablesAndJobs(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.days("people", "id")
	b.query("CREATE VIEW calls.names AS SELECT name FROM calls.people")
	b.query("INSERT INTO calls.people (id, name, seen) VALUES ('a', 'x', TIMESTAMP '2026-05-20 23:00:00Z'), ('b', NULL, TIMESTAMP '2026-05-21 23:00:00Z'), ('c', 'xyz', NULL)")
	for q, want := range map[string][]string{
		"SELECT table_name, table_type FROM calls.INFORMATION_SCHEMA.TABLES ORDER BY 1":                                                                                 {`["names","VIEW"]`, `["people","BASE TABLE"]`},
		"SELECT table_name FROM `local-project`.`region-us`.INFORMATION_SCHEMA.TABLES ORDER BY 1":                                                                       {`["names"]`, `["people"]`},
		"SELECT table_name, constraint_type, enforced FROM `local-project.calls.INFORMATION_SCHEMA.TABLE_CONSTRAINTS`":                                                  {`["people","PRIMARY KEY","NO"]`},
		"SELECT column_name FROM calls.INFORMATION_SCHEMA.COLUMNS WHERE is_partitioning_column = 'YES'":                                                                 {`["seen"]`},
		"SELECT partition_id, total_rows, total_logical_bytes FROM calls.INFORMATION_SCHEMA.PARTITIONS AS p ORDER BY 1":                                                 {`["20260520",1,14]`, `["20260521",1,11]`, `["__NULL__",1,8]`},
		"SELECT BYTE_LENGTH(name), BYTE_LENGTH(b'\\xff'), SAFE_CONVERT_BYTES_TO_STRING(b'\\xff'), SAFE_CONVERT_BYTES_TO_STRING(b'ok') FROM calls.people WHERE id = 'c'": {`[3,1,null,"ok"]`},
	} {
		if d := cmp.Diff(want, b.query(q)); d != "" {
			t.Errorf("%s: %s", q, d)
		}
	}
	if _, err := b.tryQuery("SELECT * FROM calls.INFORMATION_SCHEMA.JOBS"); err == nil {
		t.Error("JOBS without a region")
	}
}

// https://cloud.google.com/bigquery/pricing#on_demand_pricing
func TestQueriesAreBilledForColumnsAndPartitions(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.days("people", "id")
	b.query("INSERT INTO calls.people (id, name, seen, age) VALUES ('a', 'x', TIMESTAMP '2026-05-20 23:00:00Z', 1), ('b', 'yy', TIMESTAMP '2026-05-21 23:00:00Z', NULL), ('c', NULL, NULL, 7)")
	for q, want := range map[string]int64{
		"SELECT name FROM calls.people":                                                                    3 + 4,
		"SELECT COUNT(*) FROM calls.people":                                                                0,
		"SELECT id, age FROM calls.people":                                                                 3*3 + 2*8,
		"SELECT name FROM calls.people WHERE seen >= TIMESTAMP '2026-05-21 12:00:00Z'":                     4 + 8,
		"SELECT name FROM calls.people WHERE id IN ('a', 'b') AND seen < TIMESTAMP '2026-05-20 23:30:00Z'": 3 + 3 + 8,
		"SELECT 1": 0,
	} {
		job, err := b.client.Query(q).Run(b.ctx)
		b.must(err)
		status, err := job.Wait(b.ctx)
		b.must(err)
		b.must(status.Err())
		s := status.Statistics.Details.(*bigquery.QueryStatistics)
		billed := int64(0)
		if want > 0 {
			billed = 10 << 20
		}
		if s.TotalBytesProcessed != want || s.TotalBytesBilled != billed {
			t.Errorf("%s: %d bytes, billed %d, want %d and %d", q, s.TotalBytesProcessed, s.TotalBytesBilled, want, billed)
		}
		got := b.query("SELECT total_bytes_processed, state FROM `region-us`.INFORMATION_SCHEMA.JOBS_BY_PROJECT WHERE job_id = '" + job.ID() + "'")
		if d := cmp.Diff([]string{`[` + itoa(int(want)) + `,"DONE"]`}, got); d != "" {
			t.Errorf("%s: %s", q, d)
		}
	}
}
