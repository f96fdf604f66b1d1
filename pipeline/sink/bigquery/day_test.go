package bigquery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"flexbeam/internal/span"
	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline"
	"flexbeam/pipeline/sink"
	_ "flexbeam/pipeline/sink/duckdb"
	_ "flexbeam/pipeline/source/file"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A recorder is a sink that keeps the blocks that are written to it.
type recorder struct {
	*history.Store // which stays empty
	mu             sync.Mutex
	blocks         []change.Block
}

func (r *recorder) Write(_ context.Context, b change.Block) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocks = append(r.blocks, slices.Clone(b))
	return nil
}

// day returns what a streaming job writes for the sample day while its watermark follows the
// events, with more deletes than a day has: before some changes their row is deleted and an older
// one comes late, after others the row is deleted for good.
var day = sync.OnceValues(func() ([]change.Block, error) {
	r := &recorder{Store: history.NewStore()}
	sink.Register("record", func(context.Context, string, sink.Options) (sink.Sink, error) { return r, nil })
	job, err := pipeline.New(pipeline.Options{Source: "file:../../../testdata/day.ndjson.gz?lateness=10m", Sink: "record:day", Mode: pipeline.Stream,
		AsOf: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)})
	if err == nil {
		_, err = job.Run(context.Background())
	}
	for i, b := range r.blocks {
		var more change.Block
		e := b.Each(func(c change.Change) error {
			n := crc32.ChecksumIEEE(c.Of().AppendKey(nil, c.Row))
			version := &c.Row[len(c.Row)-1].Num
			switch {
			case n%10 == 1:
				more = more.Append(change.Change{Table: c.Table, Row: c.Row, Delete: true}).Append(c)
				*version--
			case n%10 == 2:
				more = more.Append(c)
				c.Delete = true
			}
			more = more.Append(c)
			return nil
		})
		r.blocks[i], err = more, errors.Join(err, e)
	}
	return r.blocks, err
})

func dayBlocks(t *testing.T) []change.Block {
	t.Helper()
	blocks, err := day()
	must(t, err)
	if len(blocks) < 20 {
		t.Fatalf("%d blocks: too few to show anything", len(blocks))
	}
	return blocks
}

// inDuckDB writes blocks to a DuckDB file and returns it, open for reading.
func inDuckDB(t *testing.T, blocks []change.Block) *sql.DB {
	t.Helper()
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	s, err := sink.Open(t.Context(), "duckdb:"+file, sink.Options{})
	must(t, err)
	for _, b := range blocks {
		must(t, s.Write(t.Context(), b))
	}
	must(t, s.Close(t.Context()))
	db, err := sql.Open("duckdb", file+"?access_mode=read_only")
	must(t, err)
	t.Cleanup(func() { db.Close() })
	_, err = db.Exec("SET TimeZone = 'UTC'")
	must(t, err)
	return db
}

// duckLines returns the rows of a table or view in DuckDB as text, sorted.
func duckLines(t *testing.T, db *sql.DB, columns []string, name string) []string {
	t.Helper()
	rs, err := db.Query("SELECT " + strings.Join(columns, ", ") + " FROM " + name)
	must(t, err)
	defer rs.Close()
	var all []string
	for rs.Next() {
		cells, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			to[i] = &cells[i]
		}
		must(t, rs.Scan(to...))
		all = append(all, line(cells))
	}
	must(t, rs.Err())
	slices.Sort(all)
	return all
}

// localLines returns the same from BigQuery.
func localLines(t *testing.T, uri string, columns []string, name string) []string {
	t.Helper()
	p := configOf(t, uri)
	var all []string
	ask(t, p, "SELECT "+strings.Join(columns, ", ")+" FROM "+p.sql(name), func(row []bigquery.Value) {
		cells := make([]any, len(row))
		for i, v := range row {
			cells[i] = v
		}
		all = append(all, line(cells))
	})
	slices.Sort(all)
	return all
}

func line(cells []any) string {
	var b strings.Builder
	for _, c := range cells {
		switch v := c.(type) {
		case time.Time:
			c = v.UTC().Format(model.TimeLayout)
		case fmt.Stringer: // a date
			c = v.String() + "T00:00:00.000Z"
		}
		fmt.Fprintf(&b, "%v|", c)
	}
	return b.String()
}

func columnNames(t *model.Table) []string {
	var s []string
	for _, c := range t.Columns {
		s = append(s, c.Name)
	}
	return s
}

// sameTables compares all tables of the model with those in DuckDB.
func sameTables(t *testing.T, db *sql.DB, uri string) {
	t.Helper()
	for _, table := range model.Tables {
		if diff := differingRows(t, db, uri, table); diff != "" {
			t.Error(diff)
		}
	}
}

// differingRows returns how the rows of a table differ from those in DuckDB; empty when none does.
func differingRows(t *testing.T, db *sql.DB, uri string, table *model.Table) string {
	t.Helper()
	want, got := duckLines(t, db, columnNames(table), table.Name), localLines(t, uri, columnNames(table), table.Name)
	if slices.Equal(want, got) {
		return ""
	}
	return fmt.Sprintf("%s (-DuckDB +BigQuery):\n%.2000s", table.Name, cmp.Diff(want, got))
}

func TestFaultsLeaveTheTablesOfDuckDB(t *testing.T) {
	blocks := dayBlocks(t)
	db := inDuckDB(t, blocks)
	faults := []struct {
		name   string
		mode   string
		struck int // at least
		faults []bigquerylocal.Fault
	}{
		{"applied, and the reply lost", modeStream, 8, []bigquerylocal.Fault{{Kind: bigquerylocal.Lose, Method: "AppendRows", Skip: 2, Every: 5, Times: 10}}},
		{"aborted in the middle of a stream", modeStream, 8, []bigquerylocal.Fault{{Kind: bigquerylocal.Break, Method: "AppendRows", Code: codes.Aborted, Skip: 1, Every: 4, Times: 10}}},
		{"told to go away", modeStream, 3, []bigquerylocal.Fault{{Kind: bigquerylocal.GoAway, Method: "AppendRows", Skip: 3, Every: 9, Times: 4}}},
		{"over the quota", modeStream, 8, []bigquerylocal.Fault{{Kind: bigquerylocal.Reply, Method: "AppendRows", Code: codes.ResourceExhausted, Skip: 1, Every: 4, Times: 10}}},
		{"an internal error", modeStream, 8, []bigquerylocal.Fault{{Kind: bigquerylocal.Reply, Method: "AppendRows", Code: codes.Internal, Every: 5, Times: 10}}},
		{"slow", modeStream, 8, []bigquerylocal.Fault{{Kind: bigquerylocal.Slow, Method: "AppendRows", Delay: 20 * time.Millisecond, Every: 3, Times: 30}}},
		{"no connection at first", modeStream, 3, []bigquerylocal.Fault{{Kind: bigquerylocal.Reply, Method: "GetWriteStream", Times: 3}}},
		{"several at a time", modeStream, 8, []bigquerylocal.Fault{
			{Kind: bigquerylocal.Lose, Method: "AppendRows", Skip: 2, Every: 7, Times: 6},
			{Kind: bigquerylocal.Break, Method: "AppendRows", Skip: 5, Every: 11, Times: 4},
			{Kind: bigquerylocal.Reply, Method: "AppendRows", Code: codes.ResourceExhausted, Skip: 3, Every: 13, Times: 3},
			{Kind: bigquerylocal.GoAway, Method: "AppendRows", Skip: 20}}},
		{"tables are made, and the reply lost", modeStream, 2, []bigquerylocal.Fault{
			{Kind: bigquerylocal.Lose, Method: "tables.insert", Every: 3, Times: 2}, {Kind: bigquerylocal.Reply, Method: "tables.get", Every: 4, Times: 3}}},
		{"a load's reply lost", modeLoad, 3, []bigquerylocal.Fault{
			{Kind: bigquerylocal.Lose, Method: "jobs.upload", Every: 3, Times: 2}, {Kind: bigquerylocal.Lose, Method: "jobs.insert", Every: 3, Times: 2}}},
		{"jobs that fail", modeLoad, 2, []bigquerylocal.Fault{{Kind: bigquerylocal.Reply, Method: "jobs.run", Every: 4, Times: 3}}},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			s := startLocal(t, bigquerylocal.Options{Grace: 50 * time.Millisecond})
			uri := localURI(s, "mode="+f.mode)
			var all []*bigquerylocal.Injection
			for _, one := range f.faults {
				all = append(all, s.Fault(one))
			}
			w := openSink(t, uri)
			every := max(1, len(blocks)/60)
			if f.mode == modeLoad {
				every = max(1, len(blocks)/3)
			}
			for i, b := range blocks {
				must(t, w.Write(t.Context(), b))
				if i%every == 0 {
					must(t, w.Flush(t.Context()))
				}
			}
			must(t, w.Close(t.Context()))
			struck := 0
			for _, one := range all {
				struck += one.Hits()
				one.Remove()
			}
			if struck < f.struck {
				t.Errorf("the faults struck %d times, which shows little", struck)
			}
			sameTables(t, db, uri)
		})
	}
}

// A column that was added a moment ago is not known to all servers of BigQuery.
func TestAStaleSchemaIsWaitedFor(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "mode=stream")
	_, d := at(t, uri)
	must(t, d.Create(t.Context(), nil))
	must(t, d.Table("agents").Create(t.Context(), &bigquery.TableMetadata{Schema: bigquery.Schema{
		{Name: "account_sid", Type: bigquery.StringFieldType, Required: true}, {Name: "agent_id", Type: bigquery.StringFieldType, Required: true}}}))
	w := openSink(t, uri) // adds the other columns
	fault := s.Fault(bigquerylocal.Fault{Kind: bigquerylocal.StaleSchema, Method: "AppendRows", Times: 3})
	must(t, w.Write(t.Context(), sampleAgent("WK1", 1)))
	must(t, w.Close(t.Context()))
	if rows := readRows(t, uri, &model.Agents); fault.Hits() != 3 || len(rows) != 1 || model.Agents.Get(rows[0], "agent_name").Str != "Alena" {
		t.Errorf("struck %d times, rows %v", fault.Hits(), rows)
	}
}

func TestARefusedRowIsADeadLetterAndTheRestIsStored(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "mode=stream")
	w := openSink(t, uri)
	s.Fault(bigquerylocal.Fault{Kind: bigquerylocal.RefuseRows, Method: "AppendRows", Times: -1, Table: configOf(t, uri).dataset + ".agents",
		Refuse: func(_ int, row map[string]any) string {
			if id, _ := row["agent_id"].(string); strings.HasSuffix(id, "7") {
				return "no agent ends in 7"
			}
			return ""
		}})
	var b change.Block
	for i := range 30 {
		b = append(b, sampleAgent(fmt.Sprint("WK", i), 3)...)
	}
	must(t, w.Write(t.Context(), b))
	must(t, w.Flush(t.Context()))
	agents, letters := readRows(t, uri, &model.Agents), readRows(t, uri, &model.DeadLetters)
	if len(agents) != 27 || len(letters) != 3 {
		t.Fatalf("%d agents, %d dead letters", len(agents), len(letters))
	}
	slices.SortFunc(letters, func(a, b model.Row) int { return strings.Compare(a[1].Str, b[1].Str) })
	want := model.DeadLetters.NewRow()
	for name, v := range map[string]model.Value{
		"source": model.Text("bigquery:agents"), "position": model.Text(`["AC1","WK17"]`), "error_class": model.Text(Refused), "error": model.Text("upsert: no agent ends in 7"),
		"payload":     model.Blob([]byte(`{"account_sid":"AC1","agent_id":"WK17","agent_name":"Alena","state":"Active","agent_type":"User","row_version":3}`)),
		"row_version": model.Integer(3),
	} {
		want[model.DeadLetters.Col(name)] = v
	}
	if d := cmp.Diff(want, letters[0]); d != "" {
		t.Error(d)
	}
}

func TestAJobThatHidesPayloadsHidesThoseOfRefusedRows(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "mode=stream")
	w := openSinkWith(t, uri, sink.Options{HidePayload: true})
	s.Fault(bigquerylocal.Fault{Kind: bigquerylocal.RefuseRows, Method: "AppendRows", Times: -1, Table: configOf(t, uri).dataset + ".agents",
		Refuse: func(int, map[string]any) string { return "no agents today" }})
	must(t, w.Write(t.Context(), sampleAgent("WK1", 3)))
	must(t, w.Flush(t.Context()))
	d := &model.DeadLetters
	letters := readRows(t, uri, d)
	if len(letters) != 1 || !d.Get(letters[0], "payload").IsNull() || d.Get(letters[0], "error").Str != "upsert: no agents today" || d.Get(letters[0], "position").Str != `["AC1","WK1"]` {
		t.Errorf("dead letters %v", letters)
	}
}

func TestARowThatNoRequestHasRoomForIsADeadLetter(t *testing.T) {
	for _, mode := range []string{modeStream, modeLoad} {
		s := startLocal(t, bigquerylocal.Options{})
		uri := localURI(s, "mode="+mode)
		w := openSink(t, uri)
		b := sampleAgent("WK1", 1)
		must(t, sampleAgent("WK2", 1).Each(func(c change.Change) error {
			c.Row[model.Agents.Col("agent_name")] = model.Text(strings.Repeat("long ", 2<<20))
			b = b.Append(c)
			return nil
		}))
		d := &model.DeadLetters
		letter := d.NewRow()
		for _, name := range []string{"source", "position", "error_class", "error"} {
			letter[d.Col(name)] = model.Text("x")
		}
		letter[d.Col("payload")] = model.Blob(make([]byte, 10<<20))
		letter[d.Col("row_version")] = model.Integer(1)
		b = b.Append(change.Change{Table: d.ID, Row: letter})
		must(t, w.Write(t.Context(), b))
		must(t, w.Close(t.Context()))
		letters := readRows(t, uri, d)
		if agents := readRows(t, uri, &model.Agents); len(agents) != 1 || len(letters) != 2 {
			t.Fatalf("%s: %d agents, %d dead letters", mode, len(agents), len(letters))
		}
		for _, l := range letters {
			if !d.Get(l, "payload").IsNull() || !strings.Contains(d.Get(l, "error").Str, "bytes") {
				t.Errorf("%s: %v", mode, l)
			}
		}
	}
}

func TestAFaultThatStaysFailsTheSinkAndSaysWhatToDo(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := strings.Replace(localURI(s, "mode=stream"), "retry=1m", "retry=1s", 1)
	w := openSink(t, uri)
	s.Fault(bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "AppendRows", Table: configOf(t, uri).dataset + ".agents", Code: codes.PermissionDenied, Times: -1})
	must(t, w.Write(t.Context(), sampleAgent("WK1", 1)))
	err := w.Flush(t.Context())
	if err == nil || !strings.Contains(err.Error(), "docs/bigquery.md") || !strings.Contains(err.Error(), "agents") {
		t.Errorf("got %v", err)
	}
	if again := w.Write(t.Context(), sampleAgent("WK2", 1)); !errors.Is(again, err) {
		t.Errorf("then %v", again)
	}
	if last := w.Close(t.Context()); !errors.Is(last, err) {
		t.Errorf("at last %v", last)
	}
}

func TestMergedAndStreamedChangesSettleWithEachOther(t *testing.T) {
	blocks := dayBlocks(t)
	db := inDuckDB(t, blocks)
	s := startLocal(t, bigquerylocal.Options{DeleteMemory: time.Nanosecond}) // change data capture forgets deletes at once
	uri := localURI(s, "")
	for i, mode := range []string{modeLoad, modeStream, modeAuto, modeStream} {
		w := openSinkWith(t, uri+"&mode="+mode, sink.Options{Bounded: mode == modeAuto})
		for j, b := range blocks {
			if j%3 == i%3 || i == 3 {
				must(t, w.Write(t.Context(), b))
			}
		}
		must(t, w.Close(t.Context()))
	}
	sameTables(t, db, uri)
}

func TestKeysAreThoseOfTheRows(t *testing.T) {
	blocks := dayBlocks(t)
	db := inDuckDB(t, blocks)
	s := startLocal(t, bigquerylocal.Options{})
	uri := strings.Replace(localURI(s, "mode=stream"), "max_staleness=0s", "max_staleness=10m", 1)
	w := openSink(t, uri)
	for _, b := range blocks {
		must(t, w.Write(t.Context(), b))
	}
	must(t, w.Flush(t.Context()))
	for id, q := range map[model.TableID]string{
		model.EngagementsID: "SELECT DISTINCT account_sid || task_sid FROM engagements ORDER BY 1",
		model.AgentStatusID: "SELECT account_sid || agent_id || epoch_ms(max(interval_start)) FROM agent_status GROUP BY account_sid, agent_id ORDER BY 1",
		model.CustomersID:   "SELECT contact_id FROM customers WHERE isolated ORDER BY 1",
	} {
		var want, got []string
		rs, err := db.Query(q)
		must(t, err)
		for rs.Next() {
			var s string
			must(t, rs.Scan(&s))
			want = append(want, s)
		}
		rs.Close()
		table := model.Tables[id]
		must(t, w.Owners(t.Context(), id, span.All, func(r model.Row) error {
			owner := ""
			for _, k := range table.OwnerColumns() {
				if r[k].Type == model.Timestamp {
					owner += fmt.Sprint(r[k].Num)
				} else {
					owner += r[k].Str
				}
			}
			got = append(got, owner)
			return nil
		}))
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" || len(want) == 0 && id != model.CustomersID {
			t.Errorf("%s: %d owners\n%.1000s", table.Name, len(want), d)
		}
	}
	_, d := at(t, uri)
	meta, err := d.Table("engagements").Metadata(t.Context())
	if err != nil || meta.MaxStaleness == nil || meta.MaxStaleness.ToDuration() != 10*time.Minute {
		t.Errorf("max_staleness is %v afterwards, %v", meta.MaxStaleness, err)
	}
}
