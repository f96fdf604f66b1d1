package duckdb

import (
	"bufio"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// childEnv names the file that a child process of the test writes to.
const childEnv = "FLEXBEAM_TEST_CHILD"

func TestMain(m *testing.M) {
	if file := os.Getenv(childEnv); file != "" {
		child(file)
		return
	}
	flag.Parse()
	checks := false
	flag.Visit(func(f *flag.Flag) { checks = checks || f.Name == "rapid.checks" })
	if !checks { // opening and closing files is most of a check
		flag.Set("rapid.checks", "25")
	}
	os.Exit(m.Run())
}

// child writes and flushes, says so, and goes on writing until it is killed.
func child(file string) {
	ctx := context.Background()
	if file, ok := strings.CutPrefix(file, "rounds:"); ok {
		fmt.Println(rounds(ctx, file))
		os.Exit(1)
	}
	s, err := open(ctx, file, sink.Options{})
	for i := 0; err == nil; i++ {
		for _, b := range sinktest.Engagements(3000, 50000, uint64(i)) {
			if err = s.Write(ctx, b); err != nil {
				break
			}
		}
		if err == nil && i < 3 {
			if err = s.Flush(ctx); err == nil {
				fmt.Println("flushed", i+1)
			}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

func startChild(t *testing.T, file string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childEnv+"="+file)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return c, bufio.NewScanner(out)
}

func TestFlushedRowsOutliveAKilledProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	c, out := startChild(t, file)
	for out.Scan() && out.Text() != "flushed 3" {
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()

	ctx := context.Background()
	s, err := open(ctx, file, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.Counts(ctx)
	if err != nil || n["engagements"] < 9000 {
		t.Errorf("after the kill: %v, %v", n, err)
	}
	for _, b := range sinktest.Engagements(3000, 50000, 1) { // a replay
		if err := s.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := int64(len(readRows(t, file, &model.Engagements))); got != n["engagements"] {
		t.Errorf("after the replay: %d rows, want %d", got, n["engagements"])
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	text := path("text.duckdb")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 1000)), 0o666); err != nil {
		t.Fatal(err)
	}
	short := path("short.duckdb")
	if err := os.WriteFile(short, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	locked := path("locked.duckdb")
	_, out := startChild(t, locked)
	out.Scan()
	mine := path("mine.duckdb")
	s, err := open(context.Background(), mine, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	make := func(name, ddl string) string {
		db, err := sql.Open("duckdb", path(name))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(ddl); err != nil {
			t.Fatal(err)
		}
		return path(name)
	}
	customers := "CREATE TABLE customers (contact_id VARCHAR PRIMARY KEY, contact_kind VARCHAR NOT NULL, state VARCHAR, country VARCHAR, category VARCHAR, " +
		"organization VARCHAR, region VARCHAR, segment VARCHAR, isolated BOOLEAN NOT NULL, updated_at TIMESTAMPTZ, row_version BIGINT)"
	change := func(name, old, new string) string { return make(name, strings.Replace(customers, old, new, 1)) }

	tests := []struct{ name, rest, want string }{
		{"directory", dir, "it is a directory: name a file in it"},
		{"missing directory", path("no/calls.duckdb"), "the directory " + path("no") + " is missing: create it first"},
		{"a file as directory", text + "/calls.duckdb", "not a directory"},
		{"no DuckDB file", text, "it is no DuckDB file: name a file that DuckDB made or a new one"},
		{"short file", short, "it is no DuckDB file: name a file that DuckDB made or a new one"},
		{"device", "/dev/null", "it is no regular file"},
		{"locked by another process", locked, "another process has it open: end that one, or write into another file"},
		{"open in this process", mine, "this process has it open already"},
		{"no file", "?writers=1", "write duckdb:FILE"},
		{"unknown option", path("a") + "?threads=2", `unknown option "threads"`},
		{"bad number", path("a") + "?writers=many", "write a number"},
		{"bad memory", path("a") + "?memory_limit=lots", "write the option memory_limit like 1GB"},
		{"older column", change("older", "segment VARCHAR, ", ""), "table customers: column segment is missing: the file was made by another version"},
		{"newer column", change("newer", "segment VARCHAR,", "segment VARCHAR, tier VARCHAR,"), "table customers: column tier is not known"},
		{"other type", change("type", "row_version BIGINT", "row_version INTEGER"), "table customers: column row_version is INTEGER, wanted BIGINT"},
		{"other nulls", change("nulls", "contact_kind VARCHAR NOT NULL", "contact_kind VARCHAR"), "table customers: column contact_kind is VARCHAR, wanted VARCHAR NOT NULL"},
		{"no key", change("key", " PRIMARY KEY", " NOT NULL"), "table customers: primary key is (), wanted (contact_id)"},
		{"other view", make("view", "CREATE TABLE conversations (a INT)"), "conversations"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := open(context.Background(), test.rest, sink.Options{})
			if err == nil {
				s.Close(context.Background())
				t.Fatal("no error")
			}
			if m := err.Error(); !strings.HasPrefix(m, "duckdb: ") || !strings.Contains(m, test.want) || strings.Contains(m, "\n") {
				t.Errorf("got %s\nwant …%s…", m, test.want)
			} else if strings.Contains(m, "ATTACH") || strings.Contains(m, catalog) {
				t.Errorf("it shows internals: %s", m)
			}
		})
	}
}

// TestAFileFromBeforeTakesTheColumnsThatCameLater makes the tables as they were without them.
func TestAFileFromBeforeTakesTheColumnsThatCameLater(t *testing.T) {
	ctx := context.Background()
	ddl, err := model.DDL("duckdb")
	if err != nil {
		t.Fatal(err)
	}
	ddl, _, _ = strings.Cut(ddl, "CREATE OR REPLACE VIEW")
	var old []string
	for line := range strings.Lines(ddl) {
		if !strings.Contains(line, "is_virtual") {
			old = append(old, line)
		}
	}
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	db, err := sql.Open("duckdb", file)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		strings.Join(old, ""),
		`INSERT INTO engagements (account_sid, engagement_id, engagement_type, status, conversation_id, task_sid, contact_id, start_time, channel_vendor, platform, direction, inferred, wait_time_seconds)
			VALUES ('AC1', 'old', 'Queue', 'Completed', 'WT9', 'WT9', '+1', now(), 'Twilio', 'Flex', 'Inbound', false, 7)`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	for range 2 { // the second time there is nothing to add
		s, err := sink.Open(ctx, "duckdb:"+file, sink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range sinktest.Engagements(10, 1000, 1) {
			if err := s.Write(ctx, b); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	if n := len(readRows(t, file, &model.Engagements)); n != 11 {
		t.Errorf("%d rows", n)
	}
	var waited float64
	if err := connect(t, file).QueryRow("SELECT wait_time_seconds FROM conversations WHERE conversation_id = 'WT9'").Scan(&waited); err != nil || waited != 7 {
		t.Errorf("the row from before waited %v, %v", waited, err)
	}
}

// TestAFileFromBeforeMayHoldRecordings makes the turns as they were when each had an author.
func TestAFileFromBeforeMayHoldRecordings(t *testing.T) {
	ddl, err := model.DDL("duckdb")
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{"conversation_sid", "author_type"} {
		ddl = strings.Replace(ddl, "  "+column+" VARCHAR,", "  "+column+" VARCHAR NOT NULL,", 1)
	}
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	db, err := sql.Open("duckdb", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(ddl); err != nil {
		t.Fatal(err)
	}
	db.Close()
	r := model.Turns.NewRow()
	for _, name := range []string{"account_sid", "turn_id", "conversation_id", "task_sid", "turn_type"} {
		r[model.Turns.Col(name)] = model.Text("x")
	}
	r[model.Turns.Col("turn_time")], r[model.Turns.Col("row_version")] = model.Millis(int64(1)), model.Integer(1)
	writeBlocks(t, file, change.Block(nil).Append(change.Change{Table: model.TurnsID, Row: r}))
	if n := len(readRows(t, file, &model.Turns)); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestAnyFileNameWorks(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"main.duckdb", "memory.db", "temp", "system.duckdb", "flexbeam.duckdb", "engagements", "it's a \"file\".duckdb", "md:x", ":memory:", "flexbeam_file.db"} {
		for range 2 {
			s, err := sink.Open(ctx, "duckdb:"+name, sink.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range sinktest.Engagements(10, 1000, 1) {
				if err := s.Write(ctx, b); err != nil {
					t.Error(err)
				}
			}
			if err := s.Close(ctx); err != nil {
				t.Error(err)
			}
		}
		if n := len(readRows(t, filepath.Join(dir, name), &model.Engagements)); n != 10 {
			t.Errorf("%s: %d rows", name, n)
		}
	}
	left, err := filepath.Glob("*.wal")
	more, _ := filepath.Glob("*.tmp")
	if err != nil || len(left)+len(more) > 0 {
		t.Errorf("left after close: %v %v %v", left, more, err)
	}
}

func TestFileHasKeysCommentsAndTheView(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	writeBlocks(t, file)
	db := connect(t, file)
	type column struct{ Type, Comment string }
	for _, table := range model.Tables {
		want, got := map[string]column{}, map[string]column{}
		var key []string
		for _, c := range table.Columns {
			want[c.Name] = column{columnTypes[c.Type], c.Description}
			if c.Key {
				key = append(key, c.Name)
			}
		}
		rows, err := db.Query("SELECT column_name, data_type, comment FROM duckdb_columns() WHERE table_name = ?", table.Name)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name string
			var c column
			if err := rows.Scan(&name, &c.Type, &c.Comment); err != nil {
				t.Fatal(err)
			}
			got[name] = c
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", table.Name, d)
		}
		var keys, comment string
		err = db.QueryRow("SELECT array_to_string(constraint_column_names, ' ') FROM duckdb_constraints() WHERE table_name = ? AND constraint_type = 'PRIMARY KEY'", table.Name).Scan(&keys)
		if err != nil || keys != strings.Join(key, " ") {
			t.Errorf("%s: primary key %q, %v", table.Name, keys, err)
		}
		if err := db.QueryRow("SELECT comment FROM duckdb_tables() WHERE table_name = ?", table.Name).Scan(&comment); err != nil || comment != table.Description {
			t.Errorf("%s: comment %q, %v", table.Name, comment, err)
		}
	}
	var bare int
	if err := db.QueryRow("SELECT count(*) FROM duckdb_columns() WHERE table_name = 'conversations' AND comment IS NOT NULL").Scan(&bare); err != nil || bare != 24 {
		t.Errorf("conversations: %d columns with comments, %v", bare, err)
	}
}

// engagement returns a change of an engagement with these cells.
func engagement(cells map[string]any) change.Change {
	e := &model.Engagements
	r := e.NewRow()
	for name, v := range map[string]any{"account_sid": "AC1", "status": "Completed", "channel_vendor": "Twilio", "platform": "Flex", "direction": "Inbound",
		"contact_id": "+1", "inferred": false, "is_virtual": false, "row_version": 1} {
		if _, ok := cells[name]; !ok {
			cells[name] = v
		}
	}
	for name, v := range cells {
		i := e.Col(name)
		switch v := v.(type) {
		case string:
			r[i] = model.Text(v)
		case bool:
			r[i] = model.Boolean(v)
		case float64:
			r[i] = model.Number(v)
		case int:
			r[i] = model.Integer(int64(v))
			if e.Columns[i].Type == model.Timestamp {
				r[i] = model.Millis(int64(v) * 1000)
			}
		}
	}
	return change.Change{Table: e.ID, Row: r}
}

func writeBlocks(t testing.TB, file string, blocks ...change.Block) {
	t.Helper()
	ctx := context.Background()
	s, err := open(ctx, file, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if err := s.Write(ctx, b); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestConversationsAreOneRowEach(t *testing.T) {
	type m = map[string]any
	var b change.Block
	for _, cells := range []m{
		// A conversation of two tasks: queue, agent, transfer to a second agent.
		{"conversation_id": "moved", "task_sid": "WT1", "engagement_id": "WT1:1", "engagement_type": "Queue", "outcome_type": "Accepted", "start_time": 100, "end_time": 130,
			"wait_time_seconds": 30.1, "queue": "First", "channel_type": "Voice", "direction": "Outbound", "updated_at": 500},
		{"conversation_id": "moved", "task_sid": "WT1", "engagement_id": "WR1", "engagement_type": "Agent", "agent_id": "WK1", "start_time": 130, "end_time": 200,
			"wait_time_seconds": 30.1, "engagement_time_seconds": 60.2, "wrap_up_time_seconds": 9.8, "queue": "First", "channel_type": "Voice", "updated_at": 500},
		{"conversation_id": "moved", "task_sid": "WT2", "engagement_id": "WR2", "engagement_type": "Agent", "agent_id": "WK2", "start_time": 210, "end_time": 300,
			"engagement_time_seconds": 0.1, "contact_id": "+2", "updated_at": 600, "status": "Corrupted"},
		{"conversation_id": "moved", "task_sid": "WT2", "engagement_id": "WR3", "engagement_type": "Invitation", "outcome_type": "Missed", "agent_id": "WK3", "start_time": 205, "end_time": 209,
			"queue": "Second", "channel_type": "Chat"},
		// Given up in the queue; at the same time two queues, the one with the smaller id is first.
		{"conversation_id": "left", "task_sid": "WT4", "engagement_id": "WT4:b", "engagement_type": "Queue", "outcome_type": "Customer Left", "start_time": 100, "end_time": 150,
			"wait_time_seconds": 50.0, "queue": "B"},
		{"conversation_id": "left", "task_sid": "WT4", "engagement_id": "WT4:a", "engagement_type": "Queue", "outcome_type": "Moved", "start_time": 100, "end_time": 100,
			"wait_time_seconds": 0.0, "queue": "A"},
		// Open, and the same id in another account.
		{"conversation_id": "open", "task_sid": "WT5", "engagement_id": "WT5:1", "engagement_type": "Queue", "status": "In Progress", "start_time": 100},
		{"conversation_id": "open", "task_sid": "WT5", "engagement_id": "WR5", "engagement_type": "Agent", "agent_id": "WK1", "start_time": 90, "end_time": 95},
		{"account_sid": "AC2", "conversation_id": "open", "task_sid": "WT6", "engagement_id": "WR6", "engagement_type": "Agent", "agent_id": "WK9", "start_time": 10, "end_time": 20},
	} {
		b = b.Append(engagement(cells))
	}
	for i, said := range []struct {
		conversation, author string
		at                   int
	}{{"moved", "Bot", 131}, {"moved", "Agent", 132}, {"moved", "Customer", 135}, {"moved", "Customer", 140}, {"moved", "Agent", 150}, {"moved", "Agent", 160}, {"open", "Customer", 100}, {"left", "", 100}} {
		r := model.Turns.NewRow()
		for name, text := range map[string]string{"account_sid": "AC1", "turn_id": fmt.Sprint("IM", i), "conversation_id": said.conversation, "task_sid": "WT", "turn_type": "Message", "author_type": said.author} {
			r[model.Turns.Col(name)] = model.Text(text)
		}
		r[model.Turns.Col("turn_time")], r[model.Turns.Col("row_version")] = model.Millis(int64(said.at)*1000), model.Integer(1)
		b = b.Append(change.Change{Table: model.TurnsID, Row: r})
	}
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	writeBlocks(t, file, b)

	rows, err := connect(t, file).Query(`SELECT concat_ws(' ', account_sid, conversation_id, contact_id, epoch(start_time)::INT, coalesce(epoch(end_time)::INT::VARCHAR, '-'), status,
		tasks, agent_engagements, queue_engagements, invitations, agents, coalesce(first_queue, '-'), coalesce(last_queue, '-'), coalesce(channel_type, '-'), direction,
		coalesce(wait_time_seconds::VARCHAR, '-'), coalesce(engagement_time_seconds::VARCHAR, '-'), coalesce(wrap_up_time_seconds::VARCHAR, '-'),
		abandoned, coalesce(epoch(updated_at)::INT::VARCHAR, '-'), customer_messages, agent_messages, bot_messages, coalesce(first_response_time_seconds::VARCHAR, '-')) FROM conversations ORDER BY account_sid, conversation_id`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	want := []string{
		"AC1 left +1 100 150 Completed 1 0 2 0 0 A B - Inbound 50.0 - - true - 0 0 0 -",
		"AC1 moved +2 100 300 Corrupted 2 2 0 1 2 First Second Chat Outbound - 60.3 9.8 false 600 2 3 1 15.0",
		"AC1 open +1 90 - In Progress 1 1 1 0 1 - - - Inbound - - - false - 1 0 0 -",
		"AC2 open +1 10 20 Completed 1 1 0 0 1 - - - Inbound - - - false - 0 0 0 -",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestManyWritersThatReplaceAndDelete has the shards change each other's row groups: much more than
// they do in life.
func TestManyWritersThatReplaceAndDelete(t *testing.T) {
	const writers, rounds, keys = 4, 12, 400
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	s, err := open(ctx, file+"?writers=3", sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for round := range rounds {
				var b change.Block
				for k := range keys {
					c := engagement(map[string]any{"engagement_id": fmt.Sprintf("WR%d-%d", w, k), "engagement_type": "Agent", "conversation_id": fmt.Sprint("long conversation ", round), "task_sid": "WT",
						"start_time": round, "row_version": round})
					if (k+round)%7 == 0 {
						c.Delete = true
						for i := range c.Row[:len(c.Row)-1] {
							if !model.Engagements.Columns[i].Key {
								c.Row[i] = model.Value{}
							}
						}
					}
					b = b.Append(c)
				}
				if err := s.Write(ctx, b); err != nil {
					t.Error(err)
				}
				if round%2 == w%2 {
					if err := s.Flush(ctx); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	want := 0
	for k := range keys {
		if (k+rounds-1)%7 != 0 {
			want += writers
		}
	}
	rows := readRows(t, file, &model.Engagements)
	for _, r := range rows {
		if v := model.Engagements.Get(r, "row_version").Num; v != rounds-1 {
			t.Fatalf("a row of version %d stayed", v)
		}
	}
	if len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
}

func TestCallsAfterCloseFail(t *testing.T) {
	ctx := context.Background()
	s, err := open(ctx, filepath.Join(t.TempDir(), "calls.duckdb"), sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Errorf("second Close: %v", err)
	}
	b := change.Block(nil).Append(engagement(map[string]any{"engagement_id": "a", "engagement_type": "Agent", "conversation_id": "c", "task_sid": "t", "start_time": 1}))
	if err := s.Write(ctx, b); err != errClosed {
		t.Errorf("Write: %v", err)
	}
	if err := s.Flush(ctx); err != errClosed {
		t.Errorf("Flush: %v", err)
	}
}

func TestCanceledCloseReleasesTheFile(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	s, err := open(ctx, file, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range sinktest.Engagements(60000, 1<<20, 1) {
		if err := s.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := s.Close(ctx); err == nil {
		t.Error("no error from Close")
	}
	writeBlocks(t, file, sinktest.Engagements(10, 1000, 2)...)
}
