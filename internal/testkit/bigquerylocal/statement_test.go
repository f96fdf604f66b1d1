package bigquerylocal_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/bigquery"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/schemas/model"
)

// Every statement that flexbeam prints for BigQuery runs: tables, and all views over them.
func TestTheTablesAndViewsOfTheModelAreMade(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	for range 2 { // again changes nothing
		ddl, err := model.DDL("bigquery")
		b.must(err)
		for _, s := range strings.Split(strings.TrimSpace(ddl), ";\n") {
			q := b.client.Query(s)
			q.DefaultDatasetID = datasetID
			if _, err := q.Read(b.ctx); err != nil {
				t.Fatalf("%v\n%s", err, s)
			}
		}
	}
	m, err := b.client.Dataset(datasetID).Table("engagements").Metadata(b.ctx)
	b.must(err)
	if len(m.Schema) != len(model.Engagements.Columns) || m.TimePartitioning.Field != "start_time" || len(m.TableConstraints.PrimaryKey.Columns) != 2 || m.Description == "" || m.Schema[0].Description == "" {
		t.Errorf("engagements is %+v", m)
	}
	if m, err = b.client.Dataset(datasetID).Table("conversations").Metadata(b.ctx); err != nil || m.Type != bigquery.ViewTable || m.Schema[0].Description == "" || !strings.HasPrefix(m.ViewQuery, "SELECT") {
		t.Errorf("conversations is %+v, %v", m, err)
	}
	for _, v := range model.Views {
		b.query("SELECT * FROM calls." + v.Name)
	}
}

// What queries give, beside https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
func TestQueriesMeanWhatTheyMeanInBigQuery(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	b.query("INSERT INTO calls.people (id, name, age, score, active, seen, raw) VALUES ('a', 'Anna', 30, 1.5, TRUE, TIMESTAMP '2026-01-02 03:04:05.678901+00', b'\\x00\\xff'), " +
		"('b', NULL, 40, NULL, FALSE, TIMESTAMP '2026-01-02 03:59:59Z', NULL), ('c', 'Cyril', NULL, 3, NULL, NULL, b'')")
	tests := []struct{ query, want string }{
		{"SELECT * FROM `local-project.calls.people` WHERE id = 'a'", `["a","Anna",30,1.5,true,"2026-01-02T03:04:05.678901Z","AP8="]`},
		{"SELECT id FROM local-project.calls.people AS p WHERE p.id = \"c\"", `["c"]`},
		{"SELECT `p`.`id` FROM `local-project`.calls.`people` p ORDER BY name LIMIT 1", `["b"]`}, // nulls first
		{"SELECT id FROM calls.people ORDER BY name DESC LIMIT 1", `["c"]`},                      // nulls last
		{"SELECT SUM(age), COUNT(*), AVG(score), MAX(seen) FROM calls.people", `[70,3,2.25,"2026-01-02T03:59:59Z"]`},
		{"SELECT COUNTIF(active), COUNTIF(age > 30) FROM calls.people", `[1,1]`},
		{"SELECT SAFE_DIVIDE(1, 0), SAFE_DIVIDE(1, 4), 1 / 2, DIV(7, 2), MOD(-7, 3)", `[null,0.25,0.5,3,-1]`},
		{"SELECT GREATEST(1, NULL), LEAST(2, 3), GREATEST(1, 5, 2), CONCAT('a', NULL), CONCAT('a', 'b')", `[null,2,5,null,"ab"]`},
		{"SELECT TIMESTAMP_TRUNC(seen, HOUR), TIMESTAMP_TRUNC(seen, DAY) FROM calls.people WHERE id = 'a'", `["2026-01-02T03:00:00Z","2026-01-02T00:00:00Z"]`},
		{"SELECT TIMESTAMP_DIFF(TIMESTAMP '2026-01-01 00:01:59Z', TIMESTAMP '2026-01-01 00:00:00Z', MINUTE), TIMESTAMP_DIFF(TIMESTAMP '2026-01-01 00:00:00Z', TIMESTAMP '2026-01-01 00:01:59Z', MINUTE)", `[1,-1]`},
		{"SELECT TIMESTAMP_ADD(TIMESTAMP '2026-01-01 00:00:00Z', INTERVAL 90 MINUTE), TIMESTAMP_SUB(TIMESTAMP_MILLIS(1), INTERVAL 1 MILLISECOND)", `["2026-01-01T01:30:00Z","1970-01-01T00:00:00Z"]`},
		{"SELECT UNIX_MILLIS(seen), UNIX_SECONDS(seen), UNIX_MICROS(seen) FROM calls.people WHERE id = 'a'", `[1767323045678,1767323045,1767323045678901]`},
		{"SELECT TIMESTAMP_SECONDS(900 * DIV(UNIX_SECONDS(seen), 900)) FROM calls.people WHERE id = 'a'", `["2026-01-02T03:00:00Z"]`},
		{"SELECT DATE(seen), EXTRACT(HOUR FROM seen), EXTRACT(DAYOFWEEK FROM seen), FORMAT_TIMESTAMP('%F %T', seen) FROM calls.people WHERE id = 'a'", `["2026-01-02",3,6,"2026-01-02 03:04:05"]`},
		{"SELECT APPROX_QUANTILES(x, 4)[OFFSET(2)] FROM UNNEST([1, 2, 3, 4, 5]) AS x", `[3]`},
		{"SELECT COUNT(*), SUM(n) FROM UNNEST(GENERATE_ARRAY(2, 4)) AS n", `[3,9]`},
		{"SELECT ARRAY_AGG(name IGNORE NULLS ORDER BY id DESC LIMIT 1)[SAFE_OFFSET(0)] FROM calls.people", `["Cyril"]`},
		{"SELECT ARRAY_AGG(id ORDER BY id) FROM calls.people", `[["a","b","c"]]`},
		{"SELECT CAST('7' AS INT64), SAFE_CAST('x' AS INT64), CAST(7 AS STRING), CAST(1 AS FLOAT64)", `[7,null,"7",1]`},
		{"WITH old AS (SELECT * FROM calls.people WHERE age > 30), x AS (SELECT 1 AS n) SELECT o.id, n FROM old AS o CROSS JOIN x", `["b",1]`},
		{"SELECT * EXCEPT (name, age, score, active, seen, raw) FROM calls.people WHERE id = 'a'", `["a"]`},
		{"SELECT id FROM calls.people WHERE TRUE QUALIFY ROW_NUMBER() OVER (ORDER BY age DESC) = 1", `["b"]`},
		{"SELECT a.id, c.id FROM calls.people AS a JOIN calls.people AS c USING (id) WHERE a.id IN (SELECT id FROM calls.people WHERE score > 2)", `["c","c"]`},
		{"SELECT 'it''s'", ``},
		{"SELECT 'it\\'s', r'\\d', \"a\\\"b\", '''x\ny'''", `["it's","\\d","a\"b","x\ny"]`},
		{"SELECT IF(1 > 2, 'a', 'b') -- a comment\n, IFNULL(NULL, 1) /* another */ # and one\n", `["b",1]`},
		{"SELECT 1 UNION ALL SELECT 1 UNION DISTINCT SELECT 1", `[1]`},
		{"SELECT NULL", `[null]`},
		{"SELECT MAX_BY(id, age), LOGICAL_OR(active), STRING_AGG(id, '+' ORDER BY id) FROM calls.people", `["b",true,"a+b+c"]`},
	}
	for _, test := range tests {
		got, err := b.tryQuery(test.query)
		if test.want == "" {
			if err == nil {
				t.Errorf("%s is no error: %s", test.query, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.query, err)
		} else if d := cmp.Diff([]string{test.want}, got); d != "" {
			t.Errorf("%s: %s", test.query, d)
		}
	}
}

func TestParametersAreReadByTheirTypes(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	q := b.client.Query("SELECT @s, @n + 1, @f, @b, @s IN UNNEST(@list), @nul, @nul IN UNNEST(@nuls)")
	q.Parameters = []bigquery.QueryParameter{{Name: "nul", Value: "\x00it's\x00\x00"}, {Name: "nuls", Value: []string{"it's", "\x00it's\x00\x00"}}, {Name: "s", Value: "it's"}, {Name: "n", Value: 41}, {Name: "f", Value: 0.5}, {Name: "b", Value: []byte{0, 255}}, {Name: "list", Value: []string{"a", "it's"}}}
	it, err := q.Read(b.ctx)
	b.must(err)
	var row []bigquery.Value
	b.must(it.Next(&row))
	if d := cmp.Diff([]bigquery.Value{"it's", int64(42), 0.5, []byte{0, 255}, true, "\x00it's\x00\x00", true}, row); d != "" {
		t.Error(d)
	}
}

// An unknown name or function is an error with a reason, and never an empty answer:
// https://cloud.google.com/bigquery/docs/error-messages
func TestWhatIsNotKnownIsRefused(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	tests := []struct {
		query, reason, message string
		code                   int
	}{
		{"SELECT * FROM calls.nobody", "notFound", "Not found: Table local-project:calls.nobody", 404},
		{"SELECT * FROM nowhere.people", "notFound", "Not found: Dataset local-project:nowhere", 404},
		{"SELECT * FROM people", "invalidQuery", `Table "people" must be qualified with a dataset`, 400},
		{"SELECT nope FROM calls.people", "invalidQuery", "nope", 400},
		{"SELECT ST_GEOGPOINT(1, 2)", "invalidQuery", "does not know the function ST_GEOGPOINT at [1:8]", 400},
		{"SELECT read_text('/etc/passwd')", "invalidQuery", "does not know the function READ_TEXT", 400},
		{"SELECT * FROM read_csv('/etc/passwd')", "invalidQuery", "does not know the table function READ_CSV", 400},
		{"SELECT * FROM '/etc/passwd'", "invalidQuery", "Syntax error", 400},
		{"SELECT 1; SELECT 2", "invalidQuery", "scripts", 400},
		{"SELEC 1", "invalidQuery", "does not know the statement SELEC", 400},
		{"TRUNCATE TABLE calls.people", "invalidQuery", "does not know the statement TRUNCATE", 400},
		{"ATTACH 'x'", "invalidQuery", "does not know the statement ATTACH", 400},
		{"SELECT 'open", "invalidQuery", "Unclosed string literal at [1:8]", 400},
		{"SELECT (1", "invalidQuery", "The local BigQuery service cannot run the query", 400},
		{"SELECT TIMESTAMP_TRUNC(seen, WEEK) FROM calls.people", "invalidQuery", "does not know this unit of TIMESTAMP_TRUNC", 400},
		{"UPDATE calls.people SET name = 'x'", "invalidQuery", "must have a WHERE clause", 400},
		{"DELETE FROM calls.people", "invalidQuery", "must have a WHERE clause", 400},
		{"SELECT @missing", "invalidQuery", "Query parameter 'missing' not found", 400},
		{"", "invalid", "", 400},
	}
	for _, test := range tests {
		_, err := b.tryQuery(test.query)
		if err == nil {
			t.Errorf("%q is no error", test.query)
			continue
		}
		e := apiError(t, err)
		if e.Code != test.code || !strings.Contains(e.Message, test.message) || !strings.HasPrefix(e.Errors[0].Reason, test.reason) {
			t.Errorf("%q: %d %s %q", test.query, e.Code, e.Errors[0].Reason, e.Message)
		}
	}
}

// https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement
func TestAMergeChangesInsertsAndDeletes(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people())
	b.table("news", people())
	b.query("INSERT calls.people (id, name, age) VALUES ('a', 'old', 1), ('b', 'old', 5), ('c', 'old', 1)")
	b.query("INSERT calls.news (id, name, age) VALUES ('a', 'new', 2), ('b', 'new', 2), ('c', NULL, 2), ('d', 'new', 2), ('e', NULL, 2)")
	job, err := b.client.Query("MERGE `local-project.calls.people` AS t USING (SELECT n.* FROM (SELECT * FROM calls.news WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY id ORDER BY age DESC) = 1) AS n) AS s " +
		"ON t.id = s.id WHEN MATCHED AND s.name IS NULL THEN DELETE WHEN MATCHED AND s.age >= t.age THEN UPDATE SET name = s.name, age = s.age " +
		"WHEN NOT MATCHED AND s.name IS NOT NULL THEN INSERT (id, name, age) VALUES (s.id, s.name, s.age)").Run(b.ctx)
	b.must(err)
	status, err := job.Wait(b.ctx)
	b.must(err)
	b.must(status.Err())
	if n := status.Statistics.Details.(*bigquery.QueryStatistics).NumDMLAffectedRows; n != 3 {
		t.Errorf("%d rows are said to be affected, want 3", n)
	}
	if d := cmp.Diff([]string{`["a","new",2]`, `["b","old",5]`, `["d","new",2]`}, b.query("SELECT id, name, age FROM calls.people ORDER BY id")); d != "" {
		t.Error(d)
	}
	b.query("MERGE INTO calls.people t USING calls.news s ON t.id = s.id WHEN NOT MATCHED THEN INSERT ROW WHEN NOT MATCHED BY SOURCE THEN DELETE")
	if d := cmp.Diff([]string{`[5]`}, b.query("SELECT COUNT(*) FROM calls.people")); d != "" {
		t.Error(d)
	}
	b.query("INSERT INTO calls.news (id, name) VALUES ('a', 'twice')")
	if _, err := b.tryQuery("MERGE calls.people t USING calls.news s ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name"); err == nil || !strings.Contains(err.Error(), "UPDATE/MERGE must match at most one source row for each target row") {
		t.Errorf("two source rows for one row: %v", err)
	}
}
