package jsonl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/filelock"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

func TestSinkKeepsItsPromises(t *testing.T) {
	dir := func(uri string) string { return strings.TrimPrefix(uri, "jsonl:") }
	sinktest.Run(t, sinktest.Harness{
		Place: func(t testing.TB) string { return "jsonl:" + filepath.Join(t.TempDir(), "out") },
		Rows: func(t testing.TB, uri string, table *model.Table) []model.Row {
			return readRows(t, dir(uri), table)
		},
		Kill: func(t testing.TB, uri string) string {
			to := t.TempDir()
			if err := os.CopyFS(to, os.DirFS(dir(uri))); err != nil {
				t.Fatal(err)
			}
			return "jsonl:" + to
		},
		Away: func(t testing.TB, uri string) string {
			to := filepath.Join(t.TempDir(), "moved")
			if err := os.Rename(dir(uri), to); err != nil {
				t.Fatal(err)
			}
			return "jsonl:" + to
		},
	})
}

func TestAnOptionThatThereIsNotIsRefusedAndMakesNoDirectory(t *testing.T) {
	dir := t.TempDir()
	_, err := sink.Open(context.Background(), "jsonl:"+filepath.Join(dir, "out")+"?x=1", sink.Options{})
	if !errors.Is(err, sink.ErrURI) || !strings.Contains(err.Error(), `unknown option "x"`) {
		t.Errorf("got %v", err)
	}
	if made, _ := os.ReadDir(dir); len(made) > 0 {
		t.Errorf("it makes %v", made)
	}
}

func readRows(t testing.TB, dir string, table *model.Table) []model.Row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, table.Name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []model.Row
	for line := range strings.Lines(string(text)) {
		var cells map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &cells); err != nil {
			t.Fatal(err)
		}
		r := table.NewRow()
		for i, c := range table.Columns {
			if r[i], err = parse(c.Type, cells[c.Name]); err != nil {
				t.Fatal(err)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func agent(id, name string, version int64) change.Change {
	a := &model.Agents
	r := a.NewRow()
	for column, text := range map[string]string{"account_sid": "AC1", "agent_id": id, "agent_name": name, "state": "Active", "agent_type": "User"} {
		r[a.Col(column)] = model.Text(text)
	}
	r[a.Col("updated_at")] = model.Millis(int64(1767225600000))
	r[a.Col("row_version")] = model.Integer(version)
	return change.Change{Table: a.ID, Row: r}
}

func write(t *testing.T, dir string, cs ...change.Change) {
	t.Helper()
	ctx := context.Background()
	s, err := sink.Open(ctx, "jsonl:"+dir, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b change.Block
	for _, c := range cs {
		b = b.Append(c)
	}
	if err := s.Write(ctx, b); err != nil {
		t.Error(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestFilesHaveAllColumnsInOrderSortedByKey(t *testing.T) {
	dir := t.TempDir()
	gone := agent("WK3", "", 4)
	gone.Delete = true
	for _, i := range []string{"agent_name", "state", "agent_type", "updated_at"} {
		gone.Row[model.Agents.Col(i)] = model.Value{}
	}
	write(t, dir, agent("WK2", "Bob", 1), gone, agent("WK10", `A "B"`, 2), agent("WK1", "", 3))
	rest := `"email":null,"department":null,"location":null,"manager":null,"team":null,"organization":null,"role":null,"roles":null,` +
		`"cost_per_hour":null,"cost_per_engagement":null,"state":"Active","agent_type":"User","updated_at":"2026-01-01T00:00:00.000Z",`
	want := map[string]string{
		"agents.jsonl": `{"account_sid":"AC1","agent_id":"WK1","agent_name":null,` + rest + `"row_version":3}` + "\n" +
			`{"account_sid":"AC1","agent_id":"WK10","agent_name":"A \"B\"",` + rest + `"row_version":2}` + "\n" +
			`{"account_sid":"AC1","agent_id":"WK2","agent_name":"Bob",` + rest + `"row_version":1}` + "\n",
		"deletes.jsonl": `{"table":"agents","key":{"account_sid":"AC1","agent_id":"WK3"},"row_version":4}` + "\n",
	}
	for _, t := range model.Tables {
		if name := t.Name + ".jsonl"; want[name] == "" {
			want[name] = ""
		}
	}
	got := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == ".lock" {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		got[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
}

func TestMalformedFileIsNamedWithItsLine(t *testing.T) {
	good := string(appendRow(nil, &model.Agents, agent("WK1", "", 1).Row))
	tests := []struct{ name, file, text, want string }{
		{"no JSON", "agents.jsonl", good + "{oops\n", "agents.jsonl:2: invalid character"},
		{"cut off", "agents.jsonl", good + good[:50], "agents.jsonl:2: unexpected end of JSON"},
		{"missing column", "agents.jsonl", good + "\n" + `{"account_sid":"AC1"}`, "agents.jsonl:3: column agent_id of agents is missing"},
		{"column of another version", "agents.jsonl", strings.Replace(good, "email", "mail", 1), "agents.jsonl:1: column email of agents is missing"},
		{"unknown column", "agents.jsonl", strings.Replace(good, "{", `{"new":1,`, 1), "agents.jsonl:1: column new is not known in agents"},
		{"null key", "agents.jsonl", strings.Replace(good, `"AC1"`, "null", 1), "agents.jsonl:1: column account_sid of agents: must not be null"},
		{"wrong type", "agents.jsonl", strings.Replace(good, `"row_version":1`, `"row_version":1.5`, 1), "agents.jsonl:1: column row_version of agents: "},
		{"no time", "agents.jsonl", strings.Replace(good, "2026-", "", 1), `agents.jsonl:1: column updated_at of agents: "01-01T00:00:00.000Z" is no time`},
		{"unknown table", "deletes.jsonl", `{"table":"calls","key":{},"row_version":1}`, `deletes.jsonl:1: table "calls" is not known`},
		{"delete without version", "deletes.jsonl", `{"table":"customers","key":{"contact_id":"a"}}`, "deletes.jsonl:1: column row_version of customers is missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, test.file), []byte(test.text), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := open(context.Background(), dir, sink.Options{})
			if err == nil || !strings.Contains(err.Error(), dir+"/"+test.want) {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
}

func TestARowFromBeforeAColumnCameIsRead(t *testing.T) {
	var engagement model.Row
	for _, b := range sinktest.Engagements(1, 1000, 1) {
		if err := b.Each(func(c change.Change) error { engagement = c.Row; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	engagement[model.Engagements.Col("is_virtual")] = model.Boolean(false)
	now := string(appendRow(nil, &model.Engagements, engagement))
	dir := t.TempDir()
	file := filepath.Join(dir, "engagements.jsonl")
	if err := os.WriteFile(file, []byte(strings.Replace(now, `,"is_virtual":false`, "", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	w, err := open(context.Background(), dir, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range w.(*writer).tables[model.EngagementsID].entries {
		if e.line != now {
			t.Errorf("got %s\nwant %s", e.line, now)
		}
	}
	if err := w.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestSecondWriterIsRefusedUntilTheFirstCloses(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	first, err := open(ctx, dir, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(ctx, dir, sink.Options{}); err == nil || !strings.Contains(err.Error(), "another sink writes to it") {
		t.Errorf("second sink: got %v", err)
	}
	if err := first.Close(ctx); err != nil {
		t.Fatal(err)
	}
	write(t, dir)
}

func TestFileInPlaceOfDirectoryIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := open(context.Background(), file, sink.Options{}); err == nil || !strings.Contains(err.Error(), "name a directory") {
		t.Errorf("got %v", err)
	}
}

func TestAbsurdTimesCanBeReadAgain(t *testing.T) {
	for _, ms := range []int64{0, 1 << 60, -1 << 60, 253402300800000, -62167219200001, 951782400000} {
		s := model.Millis(ms).String()
		if got, err := parseTime(s); err != nil || got != ms {
			t.Errorf("%d: %q is read as %d, %v", ms, s, got, err)
		}
	}
}

func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "jsonl")
	defer os.RemoveAll(dir)

	s, err := sink.Open(ctx, "jsonl:"+dir, sink.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Write(ctx, change.Block(nil).Append(agent("WK1", "Alena Novak", 1)))
	s.Close(ctx)

	rows, _ := os.ReadFile(filepath.Join(dir, "agents.jsonl"))
	fmt.Println(string(rows[:65]))
	// Output: {"account_sid":"AC1","agent_id":"WK1","agent_name":"Alena Novak",
}

func TestADirectoryThatIsDeletedMeanwhileIsToldOf(t *testing.T) {
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "rows")
	s, err := open(ctx, dir, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); !errors.Is(err, filelock.ErrGone) {
		t.Errorf("Flush: %v", err)
	}
	if err := s.Close(ctx); !errors.Is(err, filelock.ErrGone) {
		t.Errorf("Close: %v", err)
	}
}
