package duckdb

import (
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/model"
)

func TestSinkKeepsItsPromises(t *testing.T) { sinktest.Run(t, harness()) }

func TestReplaysChangeNothingWhateverTheSizeOfBatches(t *testing.T) {
	insert, look, commit, seen := insertRows, lookRows, commitRows, seenMost
	defer func() { insertRows, lookRows, commitRows, seenMost = insert, look, commit, seen }()
	for _, n := range []int{1, 2} {
		insertRows, lookRows, commitRows, seenMost = n, n+1, 5, 6
		sinktest.Replays(t, harness())
	}
}

func harness() sinktest.Harness {
	return sinktest.Harness{
		Place: func(t testing.TB) string { return "duckdb:" + filepath.Join(t.TempDir(), "calls.duckdb") },
		Rows: func(t testing.TB, uri string, table *model.Table) []model.Row {
			return readRows(t, strings.TrimPrefix(uri, "duckdb:"), table)
		},
		Kill: func(t testing.TB, uri string) string {
			file := strings.TrimPrefix(uri, "duckdb:")
			to := filepath.Join(t.TempDir(), "left.duckdb")
			copyFile(t, file, to)
			copyFile(t, file+".wal", to+".wal")
			return "duckdb:" + to
		},
		Away: func(t testing.TB, uri string) string {
			to := filepath.Join(t.TempDir(), "moved.duckdb")
			if err := os.Rename(strings.TrimPrefix(uri, "duckdb:"), to); err != nil {
				t.Fatal(err)
			}
			return "duckdb:" + to
		},
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
}

// connect opens a file with the ordinary driver, as a user of the file would.
func connect(t testing.TB, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", file+"?access_mode=read_only")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func readRows(t testing.TB, file string, table *model.Table) []model.Row {
	t.Helper()
	db := connect(t, file)
	defer db.Close()
	var names []string
	for _, c := range table.Columns {
		names = append(names, c.Name)
	}
	rs, err := db.Query("SELECT " + strings.Join(names, ", ") + " FROM " + table.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close()
	var rows []model.Row
	for rs.Next() {
		cells := make([]any, len(names))
		to := make([]any, len(names))
		for i := range cells {
			to[i] = &cells[i]
		}
		if err := rs.Scan(to...); err != nil {
			t.Fatal(err)
		}
		r := table.NewRow()
		for i, c := range cells {
			switch c := c.(type) {
			case nil:
			case string:
				r[i] = model.Value{Type: model.String, Str: c}
			case time.Time:
				r[i] = model.Millis(c.UnixMilli())
			case float64:
				r[i] = model.Number(c)
			case int64:
				r[i] = model.Integer(c)
			case bool:
				r[i] = model.Boolean(c)
			case []byte:
				r[i] = model.Value{Type: model.Bytes, Str: string(c)}
			default:
				t.Fatalf("%s.%s is a %T", table.Name, names[i], c)
			}
		}
		rows = append(rows, r)
	}
	if err := rs.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}
