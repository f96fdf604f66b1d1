package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/model"
)

func TestSinkKeepsItsPromises(t *testing.T) { sinktest.Run(t, harness("duckdb")) }

var lastScheme atomic.Int64

// limited registers the sink with other limits and returns the scheme.
func limited(change func(*limits)) (scheme string) {
	l := defaultLimits()
	change(&l)
	scheme = fmt.Sprint("duckdb", lastScheme.Add(1))
	sink.Register(scheme, func(_ context.Context, rest string, _ sink.Options) (sink.Sink, error) { return openWith(rest, l) })
	return scheme
}

// openLimited opens the sink with other limits.
func openLimited(rest string, change func(*limits)) (sink.Sink, error) {
	l := defaultLimits()
	change(&l)
	return openWith(rest, l)
}

func TestReplaysChangeNothingWhateverTheSizeOfBatches(t *testing.T) {
	for _, n := range []int{1, 2} {
		sinktest.Replays(t, harness(limited(func(l *limits) { l.insertRows, l.lookRows, l.commitRows, l.seenKeys = n, n+1, 5, 6 })))
	}
}

func TestARewritingGoesOnWhateverTheSizeOfItsParts(t *testing.T) {
	for _, n := range []int{1, 3} {
		sinktest.Rewrites(t, harness(limited(func(l *limits) { l.rewriteRows = n })))
	}
}

// fileOf returns the file that a URI names.
func fileOf(uri string) string {
	_, file, _ := strings.Cut(uri, ":")
	return file
}

func harness(scheme string) sinktest.Harness {
	return sinktest.Harness{
		Place: func(t testing.TB) string { return scheme + ":" + filepath.Join(t.TempDir(), "calls.duckdb") },
		Rows: func(t testing.TB, uri string, table *model.Table) []model.Row {
			return readRows(t, fileOf(uri), table)
		},
		Kill: func(t testing.TB, uri string) string {
			file := fileOf(uri)
			to := filepath.Join(t.TempDir(), "left.duckdb")
			copyFile(t, file, to)
			copyFile(t, file+".wal", to+".wal")
			return scheme + ":" + to
		},
		Away: func(t testing.TB, uri string) string {
			to := filepath.Join(t.TempDir(), "moved.duckdb")
			if err := os.Rename(fileOf(uri), to); err != nil {
				t.Fatal(err)
			}
			return scheme + ":" + to
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
