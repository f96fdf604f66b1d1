package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newDB makes a DuckDB file with one table of each sort of value.
func newDB(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "it's 100%?.duckdb")
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, q := range []string{
		"ATTACH '" + strings.ReplaceAll(file, "'", "''") + "' AS made; USE made",
		"CREATE TABLE calls (id BIGINT, began TIMESTAMPTZ, queue VARCHAR, seconds DOUBLE, taken BOOLEAN, record BLOB)",
		"INSERT INTO calls VALUES (1, '2026-03-02 10:00:00.5+02', 'Sales', 12.25, true, 'text'::BLOB), (2, NULL, NULL, NULL, NULL, NULL), " +
			"(3, '2026-03-02 23:59:59.999Z', 'a|b <c>, \"d\"' || chr(10) || chr(27) || '[31m', 1e-7, false, '\\x00\\xFF'::BLOB)",
	} {
		if _, err := conn.ExecContext(context.Background(), q); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestQueryFormats(t *testing.T) {
	db := newDB(t)
	const types = "SELECT timestamp '2026-03-02 10:00:00' AS ts, date '2026-03-02' AS d, time '01:02:03' AS t, 1.5::DECIMAL(9,2) AS dec_, " +
		"sum(3) AS s, 1e300 AS g, 'nan'::DOUBLE AS nan, uuid '6d3d4f4e-7a4d-4d3e-8f60-1f6f4f6f0a11' AS u, [1, NULL] AS l, " +
		"{'b': 'x', 'a': 1} AS st, map {'k': 1.5} AS m, interval '14 months 3 days 2 hours' AS i, '{\"a\":[1]}'::JSON AS j, 7 AS x, 8 AS x"
	for _, format := range []string{"table", "csv", "json", "markdown"} {
		t.Run(format, func(t *testing.T) {
			r := call(t, "query", "--db", db, "--format", format, "FROM calls ORDER BY id; SELECT * FROM calls WHERE id > 9;\n"+types)
			if r.code != 0 || r.errors != "" {
				t.Fatalf("exit %d: %s", r.code, r.errors)
			}
			golden(t, filepath.Join("testdata", "query."+format+".txt"), r.out)
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, file, got)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update to accept:\n%s", file, diff)
	}
}

func TestQueryJSONIsJSON(t *testing.T) {
	r := call(t, "query", "--db", newDB(t), "--format=json", "FROM calls ORDER BY id")
	var rows []map[string]any
	if err := json.Unmarshal([]byte(r.out), &rows); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"id": 2.0, "began": nil, "queue": nil, "seconds": nil, "taken": nil, "record": nil}
	if diff := cmp.Diff(want, rows[1]); diff != "" || len(rows) != 3 {
		t.Errorf("%d rows\n%s", len(rows), diff)
	}
}

func TestQueryTableHoldsNothingThatATerminalObeys(t *testing.T) {
	for _, format := range []string{"table", "markdown"} {
		if r := call(t, "query", "--db", newDB(t), "--format", format, "FROM calls"); strings.ContainsAny(r.out, "\x1b\x00") {
			t.Errorf("%s: %q", format, r.out)
		}
	}
}

func TestQueryReadsSQLFromFileAndStandardInput(t *testing.T) {
	db := newDB(t)
	dir := filepath.Dir(db)
	write(t, filepath.Join(dir, "q.sql"), "-- how many\nSELECT count(*) AS n FROM calls;\n")
	for _, tt := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"-f", "q.sql"}},
		{"SELECT count(*) AS n FROM calls", nil},
		{"SELECT count(*) AS n FROM calls", []string{"-f", "-"}},
	} {
		r := start(t, dir, tt.stdin, append([]string{"query", "--db", db, "--format=csv"}, tt.args...)...)
		if r.code != 0 || r.out != "n\n3\n" || r.errors != "" {
			t.Errorf("%v: exit %d, %q, %q", tt.args, r.code, r.out, r.errors)
		}
	}
}

func TestQueryRefusesToWrite(t *testing.T) {
	db := newDB(t)
	before, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(filepath.Dir(db), "other")
	for _, q := range []string{
		"CREATE TABLE x (i INT)",
		"INSERT INTO calls (id) VALUES (9)",
		"UPDATE calls SET id = 9",
		"DELETE FROM calls",
		"DROP TABLE calls",
		"COPY calls TO '" + other + "'",
		"EXPORT DATABASE '" + other + "'",
		"ATTACH '" + other + "'",
		"SELECT * FROM read_csv('/etc/hostname')",
		"SET enable_external_access = true",
	} {
		r := call(t, "query", "--db", db, q)
		if r.code != 1 {
			t.Errorf("%s: exit %d", q, r.code)
		}
		oneLine(t, r.errors, "only")
	}
	after, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Errorf("the file changed")
	}
	if _, err := os.Stat(other); err == nil {
		t.Errorf("another file was written")
	}
}

func TestQueryErrorsAreOneLine(t *testing.T) {
	db := newDB(t)
	tests := []struct{ sql, want string }{
		{"SELEC 1", "syntax error"},
		{"SELECT quue FROM calls", "quue"},
		{"FROM nothing", "nothing does not exist"},
		{"SELECT 'x'::INT", "Conversion Error"},
		{"SELECT 1; FROM nothing", "statement 2: "},
	}
	for _, tt := range tests {
		r := call(t, "query", "--db", db, "--format=csv", tt.sql)
		if r.code != 1 {
			t.Errorf("%s: exit %d", tt.sql, r.code)
		}
		oneLine(t, r.errors, tt.want)
		if strings.Contains(r.errors, "LINE 1") {
			t.Errorf("%s: %s", tt.sql, r.errors)
		}
	}
}

func TestQueryWithoutAnswerPrintsNothing(t *testing.T) {
	r := call(t, "query", "--db", newDB(t), "--format=csv", "SET threads = 1; CREATE TEMP TABLE mine AS FROM calls; SELECT count(*) AS n FROM mine")
	if r.code != 0 || r.out != "n\n3\n" {
		t.Errorf("exit %d, %q, %s", r.code, r.out, r.errors)
	}
}
