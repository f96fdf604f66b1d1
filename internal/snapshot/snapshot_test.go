package snapshot

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

const childEnv = "FLEXBEAM_TEST_CHILD"

func TestMain(m *testing.M) {
	if file := os.Getenv(childEnv); file != "" {
		fmt.Println(child(file))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A writer is DuckDB with a file of the row groups that a sink's has, only smaller.
type writer struct {
	file string
	db   *sql.DB
	conn *sql.Conn
}

func newWriter(file string) (*writer, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	w := &writer{file: file, db: db}
	if w.conn, err = db.Conn(context.Background()); err != nil {
		return nil, err
	}
	return w, w.exec("SET threads = 1", "SET write_buffer_row_group_count = 1", "ATTACH '"+strings.ReplaceAll(file, "'", "''")+"' AS f (ROW_GROUP_SIZE 2048, STORAGE_VERSION 'v1.3.0')",
		"USE f", "CREATE TABLE IF NOT EXISTS pairs (n BIGINT, side BOOLEAN, round BIGINT, text VARCHAR)")
}

func (w *writer) exec(statements ...string) error {
	for _, q := range statements {
		if _, err := w.conn.ExecContext(context.Background(), q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

// pairs commits so many pairs of rows behind the first ones.
func pairs(first, n int) string {
	return fmt.Sprintf("INSERT INTO pairs SELECT i // 2, i %% 2 = 0, 0, repeat(md5(i::VARCHAR), 1 + (i %% 7)::INT) FROM range(2 * %d, 2 * %d) t(i)", first, first+n)
}

func (w *writer) close() {
	w.conn.Close()
	w.db.Close()
}

func openWriter(t *testing.T, name string) *writer {
	t.Helper()
	w, err := newWriter(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// count opens a copy and returns how many pairs were committed, after a look at every cell.
func count(c Copy) (int, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("ATTACH '" + strings.ReplaceAll(c.File, "'", "''") + "' AS f (READ_ONLY)"); err != nil {
		return 0, err
	}
	var rows, whole, rounds, first, last int
	err = db.QueryRow(`SELECT sum(rows)::BIGINT, count(*) FILTER (rows = 2 AND sides = 2 AND texts = 2), max(rounds), min(n), max(n) FROM (
		SELECT n, count(*) AS rows, count(DISTINCT side) AS sides, count(DISTINCT round) AS rounds,
			count(*) FILTER (text = repeat(md5((2 * n + (NOT side)::INT)::VARCHAR), 1 + ((2 * n + (NOT side)::INT) % 7)::INT)) AS texts
		FROM f.pairs GROUP BY n)`).Scan(&rows, &whole, &rounds, &first, &last)
	if err == nil && (rows != 2*whole || rounds != 1 || last-first+1 != whole) {
		err = fmt.Errorf("%d rows are %d whole pairs, from %d to %d, of %d rounds", rows, whole, first, last, rounds)
	}
	return last + 1, err
}

// wantPairs takes a copy and wants so many pairs in it, and that the log was copied so many times.
// The writer does something when the log is copied and, of the file, the headers only.
func wantPairs(t *testing.T, file string, pairs, times int, meanwhile func()) {
	t.Helper()
	calls := 0
	c, err := take(t.Context(), file, filepath.Join(t.TempDir(), "copy?.duckdb"), func(done int64) {
		if done == 0 {
			calls++
		} else if done == headerBytes && calls == 1 {
			meanwhile()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := count(c); n != pairs || err != nil || calls != times {
		t.Errorf("%d pairs, %v, after %d tries; want %d after %d", n, err, calls, pairs, times)
	}
	if !c.From.Before(c.To) {
		t.Errorf("copied from %s to %s", c.From, c.To)
	}
}

func TestACopyHasWhatWasCommitted(t *testing.T) {
	for _, name := range []string{"calls.duckdb", "it's 100%? yes.duckdb"} {
		w := openWriter(t, name)
		for i, q := range []string{pairs(0, 10), "CHECKPOINT", pairs(10, 5), pairs(15, 5000), "CHECKPOINT"} {
			if err := w.exec(q); err != nil {
				t.Fatal(err)
			}
			wantPairs(t, w.file, []int{10, 10, 15, 5015, 5015}[i], 1, func() {})
		}
		link := filepath.Join(t.TempDir(), "link.duckdb")
		if err := os.Symlink(w.file, link); err != nil {
			t.Fatal(err)
		}
		if err := w.exec(pairs(5015, 5)); err != nil {
			t.Fatal(err)
		}
		wantPairs(t, link, 5020, 1, func() {})
	}
}

func TestWhatIsCommittedMeanwhileIsLeftOut(t *testing.T) {
	w := openWriter(t, "calls.duckdb")
	if err := w.exec(pairs(0, 10)); err != nil {
		t.Fatal(err)
	}
	wantPairs(t, w.file, 10, 1, func() {
		if err := w.exec(pairs(10, 1), pairs(11, 5000)); err != nil {
			t.Error(err)
		}
	})
}

func TestACheckpointMeanwhileBeginsTheCopyAnew(t *testing.T) {
	for _, logged := range []int{0, 10} {
		w := openWriter(t, "calls.duckdb")
		if err := w.exec(pairs(0, 20000), "CHECKPOINT"); err != nil {
			t.Fatal(err)
		}
		if logged > 0 {
			if err := w.exec(pairs(20000, logged)); err != nil {
				t.Fatal(err)
			}
		}
		n := 20000 + logged
		wantPairs(t, w.file, n+10, 2, func() {
			change := "UPDATE pairs SET round = round + 1"
			// What the first one frees the others take.
			if err := w.exec(pairs(n, 10), change, "CHECKPOINT", change, "CHECKPOINT", change, "CHECKPOINT"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestATornLogOpens(t *testing.T) {
	w := openWriter(t, "calls.duckdb")
	if err := w.exec("CHECKPOINT", pairs(0, 3)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.Stat(w.file + log)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.exec(pairs(3, 3)); err != nil {
		t.Fatal(err)
	}
	all, err := os.Stat(w.file + log)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Take(t.Context(), w.file, filepath.Join(t.TempDir(), "copy.duckdb"))
	if err != nil {
		t.Fatal(err)
	}
	for size := all.Size() - 1; size >= whole.Size(); size -= 7 {
		if err := os.Truncate(c.File+log, size); err != nil {
			t.Fatal(err)
		}
		if n, err := count(c); n != 3 || err != nil {
			t.Fatalf("cut to %d of %d bytes: %d pairs, %v", size, all.Size(), n, err)
		}
	}
}

// TestACheckpointThatWasLeft has a writer that dies in a checkpoint: its mark is at the end of the log.
func TestACheckpointThatWasLeft(t *testing.T) {
	w := openWriter(t, "calls.duckdb")
	if err := w.exec(pairs(0, 5000), "CHECKPOINT", pairs(5000, 10)); err != nil {
		t.Fatal(err)
	}
	if endsInMark(w.file + log) {
		t.Error("a mark without a checkpoint")
	}
	if err := w.exec("SET debug_checkpoint_abort = 'before_header'"); err != nil {
		t.Fatal(err)
	}
	if err := w.exec("CHECKPOINT"); err == nil {
		t.Fatal("the checkpoint went well")
	}
	if !endsInMark(w.file + log) {
		t.Fatal("no mark")
	}
	now := time.Now()
	if err := os.Chtimes(w.file, now, now); err != nil {
		t.Fatal(err)
	}
	if _, err := once(t.Context(), w.file, filepath.Join(t.TempDir(), "copy.duckdb"), func(int64) {}); err != errChanged {
		t.Errorf("while it may be under way: %v", err)
	}
	for ago, want := range map[time.Duration]error{2 * still: nil, still / 2: errChanged} {
		then := now.Add(-2 * still)
		if err := os.Chtimes(w.file, then, then); err != nil {
			t.Fatal(err)
		}
		_, err := once(t.Context(), w.file, filepath.Join(t.TempDir(), "copy.duckdb"), func(done int64) {
			if then := now.Add(-ago); os.Chtimes(w.file, then, then) != nil {
				t.Error("cannot set the time")
			}
		})
		if err != want {
			t.Errorf("written %s ago: %v, want %v", ago, err, want)
		}
	}
	then := now.Add(-2 * still)
	if err := os.Chtimes(w.file, then, then); err != nil {
		t.Fatal(err)
	}
	wantPairs(t, w.file, 5010, 1, func() {})
}

// TestWhatBeginsACopyAnew changes files as DuckDB does, and as it does not.
func TestWhatBeginsACopyAnew(t *testing.T) {
	tests := []struct {
		name   string
		change func(file string) error
		anew   bool
	}{
		{"nothing", func(string) error { return nil }, false},
		{"first header", func(f string) error { return writeAt(f, 4096, "x") }, true},
		{"second header", func(f string) error { return writeAt(f, 8192, "x") }, true},
		{"a block", func(f string) error { return writeAt(f, 3*4096, "x") }, false},
		{"the log grew", func(f string) error { return writeAt(f+log, 100, "more") }, false},
		{"the log was cut", func(f string) error { return os.Truncate(f+log, 99) }, true},
		{"the log is gone", func(f string) error { return os.Remove(f + log) }, true},
		{"the second log took its place", func(f string) error { return os.Rename(f+secondLog, f+log) }, true},
		{"a checkpoint began", func(f string) error {
			head := make([]byte, entryHead)
			head[0] = byte(len(mark))
			return writeAt(f+log, 100, string(head)+string(mark)+string(flush))
		}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "calls.duckdb")
			for suffix, size := range map[string]int{"": 1 << 16, log: 100, secondLog: 200} {
				if err := os.WriteFile(file+suffix, make([]byte, size), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			_, err := once(t.Context(), file, filepath.Join(t.TempDir(), "copy.duckdb"), func(done int64) {
				if done > 0 {
					return
				}
				if err := test.change(file); err != nil {
					t.Error(err)
				}
			})
			if (err == errChanged) != test.anew || err != nil && err != errChanged {
				t.Errorf("%v", err)
			}
		})
	}
}

func writeAt(file string, at int64, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), at)
	return errors.Join(err, f.Close())
}

func TestAFileThatNeverRestsIsBusy(t *testing.T) {
	first, most := firstPause, mostPause
	defer func() { firstPause, mostPause = first, most }()
	firstPause, mostPause = 1, 2
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	if err := os.WriteFile(file, make([]byte, 1<<16), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	for _, end := range []int{tries, 2} {
		calls := 0
		_, err := take(ctx, file, filepath.Join(dir, "copy.duckdb"), func(done int64) {
			if done > 0 {
				return
			}
			if calls++; calls == end && end < tries {
				cancel()
			}
			if err := writeAt(file, 4096, fmt.Sprint(end, calls)); err != nil {
				t.Error(err)
			}
		})
		if want := map[int]error{tries: ErrBusy, 2: context.Canceled}[end]; !errors.Is(err, want) || calls != end {
			t.Errorf("%v after %d tries, want %v after %d", err, calls, want, end)
		}
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := Take(ctx, filepath.Join(dir, "none.duckdb"), filepath.Join(dir, "copy.duckdb")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// child commits pairs until it is killed, in small and large transactions, changes and deletes, and
// has a checkpoint after every few. How many pairs are committed, and after which of its steps, it
// writes into a file beside.
func child(file string) error {
	w, err := newWriter(file)
	if err != nil {
		return err
	}
	committed, err := os.Create(file + ".committed")
	if err != nil {
		return err
	}
	n := 0
	for i := 0; ; i++ {
		more := 1 + i%5
		if i%7 == 3 {
			more = 3000 // row groups of their own, written before the commit
		}
		if err := w.exec(pairs(n, more)); err != nil {
			return err
		}
		n += more
		if _, err := committed.WriteAt(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(n)), uint64(i)), 0); err != nil {
			return err
		}
		if i == 0 {
			fmt.Println("writing")
		}
		if i%3 == 1 {
			err = w.exec(fmt.Sprintf("UPDATE pairs SET round = %d WHERE n %% 50 = %d", i, i%50), fmt.Sprintf("DELETE FROM pairs WHERE n < %d", n-20000))
		}
		if err == nil && i%4 == 2 {
			err = w.exec("CHECKPOINT")
		}
		if err != nil {
			return err
		}
	}
}
