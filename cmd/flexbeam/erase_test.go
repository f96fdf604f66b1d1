package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
	"flexbeam/transforms/erasure"
)

// localPlaces starts a local BigQuery and returns what makes URIs of its datasets.
func localPlaces(t *testing.T) (*bigquerylocal.Server, func(dataset, options string) string) {
	t.Helper()
	s, err := bigquerylocal.Start(bigquerylocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, func(dataset, options string) string {
		return fmt.Sprintf("bigquery:local-project.%s?endpoint=%s&grpc_endpoint=%s%s", dataset, strings.TrimSuffix(s.RESTEndpoint, "/bigquery/v2/"), s.GRPCEndpoint, options)
	}
}

// A heldDay is the sample day in a sink, which commands erase from.
type heldDay struct {
	t    *testing.T
	sink string
}

func (d *heldDay) replay(args ...string) {
	d.t.Helper()
	mustRun(d.t, append([]string{"run", "--source", "file:" + filepath.Join(top, sampleDay), "--sink", d.sink, "--as-of", "2026-03-03T00:00:00Z"}, args...)...)
}

// erase runs the command and returns what it prints, without where persons may be known besides.
func (d *heldDay) erase(args ...string) string {
	d.t.Helper()
	r := call(d.t, append([]string{"erase", "--sink", d.sink}, args...)...)
	if r.code != 0 {
		d.t.Fatalf("exit %d: %s", r.code, r.errors)
	}
	told, _, _ := strings.Cut(r.errors, "what no command")
	return r.out + told
}

// rows returns the rows of all tables, each as one text, in order.
func (d *heldDay) rows() map[string][]string {
	d.t.Helper()
	s, err := sink.Open(context.Background(), d.sink, sink.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	all := map[string][]string{}
	for _, table := range model.Tables {
		err := s.Rows(context.Background(), table.ID, "", nil, func(r model.Row) error {
			cells := make([]string, len(r))
			for i, v := range r {
				if cells[i] = v.String(); v.Type == model.Bytes {
					cells[i] = v.Str
				}
			}
			all[table.Name] = append(all[table.Name], strings.Join(cells, " | "))
			return nil
		})
		if err != nil {
			d.t.Fatal(err)
		}
		slices.Sort(all[table.Name])
	}
	if err := s.Close(context.Background()); err != nil {
		d.t.Fatal(err)
	}
	return all
}

// holding returns which tables have a row that tells of one of some texts.
func holding(all map[string][]string, names *erasure.Names) (tables []string) {
	for _, table := range slices.Sorted(maps.Keys(all)) {
		if slices.ContainsFunc(all[table], names.InRecord) {
			tables = append(tables, table)
		}
	}
	return tables
}

func namesOf(contacts ...string) *erasure.Names {
	n := &erasure.Names{}
	for _, c := range contacts {
		n.Add(c)
	}
	return n
}

// contactsOf returns the phones of the day, the ones with the most engagements first.
func contactsOf(all map[string][]string) []string {
	count := map[string]int{}
	at := model.Engagements.Col("contact_id")
	for _, row := range all["engagements"] {
		if c := strings.Split(row, " | ")[at]; strings.HasPrefix(c, "+") {
			count[c]++
		}
	}
	return slices.SortedFunc(maps.Keys(count), func(a, b string) int { return 1000*(count[b]-count[a]) + strings.Compare(a, b) })
}

// A person who is erased is in no table, of no sink, and comes back by no replay. Doing it again
// changes nothing.
func TestAPersonIsErasedFromEverySinkAndDoesNotComeBack(t *testing.T) {
	dir := t.TempDir()
	_, bigQuery := localPlaces(t)
	for name, uri := range map[string]string{
		"duckdb": "duckdb:" + dir + "/calls.duckdb", "jsonl": "jsonl:" + dir + "/out",
		"bigquery, streamed": bigQuery("streamed", "&mode=stream"), "bigquery, loaded": bigQuery("loaded", "&mode=load"),
	} {
		t.Run(name, func(t *testing.T) {
			d := &heldDay{t, uri}
			d.replay()
			before := d.rows()
			contacts := contactsOf(before)
			person, other := contacts[0], contacts[1]
			if got := holding(before, namesOf(person)); !slices.Contains(got, "customers") {
				t.Fatalf("%s is in %q", person, got)
			}
			written := "whatsapp:" + person[:4] + " " + person[4:]
			if told := d.erase("--contact", written, "--dry-run"); !strings.Contains(told, "engagements") || !strings.Contains(told, "--yes") {
				t.Errorf("a dry run says: %s", told)
			}
			if diff := cmp.Diff(before, d.rows()); diff != "" {
				t.Errorf("a dry run changes rows:\n%.2000s", diff)
			}
			for _, step := range []struct {
				who     string
				args    []string
				deleted bool
			}{
				{person, []string{"--contact", written}, false},
				{other, []string{"--contact", other, "--rows"}, true},
			} {
				before := d.rows()
				args := append(step.args, "--yes")
				if told := d.erase(args...); !strings.Contains(told, "customers") {
					t.Errorf("%q says: %s", args, told)
				}
				after := d.rows()
				if got := holding(after, namesOf(step.who)); got != nil {
					t.Errorf("%q: %s is still in %q", args, step.who, got)
				}
				if gone := len(before["engagements"]) - len(after["engagements"]); gone > 0 != step.deleted || gone < 0 {
					t.Errorf("%q: %d engagements are gone", args, gone)
				}
				if told := d.erase(args...); !strings.Contains(told, "nothing to erase") {
					t.Errorf("%q again says: %s", args, told)
				}
				d.replay()
				d.replay("--mode=stream")
				if diff := cmp.Diff(after, d.rows()); diff != "" {
					t.Errorf("%q: a replay changes rows (-erased +replayed):\n%.3000s", args, diff)
				}
			}
		})
	}
}

// One task of a contact can be erased, and the contact with its last one.
func TestATaskIsErasedAndAContactWithItsLastTask(t *testing.T) {
	d := &heldDay{t, "jsonl:" + t.TempDir()}
	d.replay()
	all := d.rows()
	e := &model.Engagements
	tasks := map[string]map[string]bool{}
	for _, row := range all["engagements"] {
		cells := strings.Split(row, " | ")
		contact, task := cells[e.Col("contact_id")], cells[e.Col("task_sid")]
		if contact == task {
			continue
		}
		if tasks[contact] == nil {
			tasks[contact] = map[string]bool{}
		}
		tasks[contact][task] = true
	}
	of := func(n int) (string, []string) {
		for _, c := range slices.Sorted(maps.Keys(tasks)) {
			if len(tasks[c]) == n {
				return c, slices.Sorted(maps.Keys(tasks[c]))
			}
		}
		t.Fatalf("no contact of %d tasks", n)
		return "", nil
	}
	one, ofOne := of(1)
	two, ofTwo := of(2)
	d.erase("--task", ofOne[0], "--task", ofTwo[0], "--yes")
	after := d.rows()
	if got := holding(after, namesOf(one)); got != nil {
		t.Errorf("%s is still in %q", one, got)
	}
	if got := holding(after, namesOf(two)); !slices.Contains(got, "customers") || !slices.Contains(got, "engagements") {
		t.Errorf("%s, who has another task, is in %q only", two, got)
	}
	d.erase("--task", ofTwo[1], "--yes")
	if got := holding(d.rows(), namesOf(two)); got != nil {
		t.Errorf("%s is still in %q", two, got)
	}
}

func TestAnAgentIsErased(t *testing.T) {
	d := &heldDay{t, "duckdb:" + t.TempDir() + "/calls.duckdb"}
	d.replay()
	a := &model.Agents
	cell := func(row, column string) string { return strings.Split(row, " | ")[a.Col(column)] }
	first, second := d.rows()["agents"][0], d.rows()["agents"][1]
	list := write(t, filepath.Join(t.TempDir(), "requests.txt"), "# who asked\n\nworker "+cell(first, "agent_id")+"\nworker WK-nobody\n")
	if told := d.erase("--list", list, "--yes"); !strings.Contains(told, "no rows of: WK-nobody") {
		t.Errorf("it says: %s", told)
	}
	d.erase("--worker", cell(second, "agent_id"), "--rows", "--yes")
	after := d.rows()
	i := slices.IndexFunc(after["agents"], func(r string) bool { return cell(r, "agent_id") == cell(first, "agent_id") })
	if i < 0 || cell(after["agents"][i], "agent_name") != "" || cell(after["agents"][i], "team") != cell(first, "team") {
		t.Errorf("%s is now %q", first, after["agents"])
	}
	for _, table := range []string{"agents", "agent_status"} {
		if slices.ContainsFunc(after[table], func(r string) bool { return strings.Contains(r, cell(second, "agent_id")) }) {
			t.Errorf("%s has rows of the agent", table)
		}
	}
	d.replay()
	if diff := cmp.Diff(after, d.rows()); diff != "" {
		t.Errorf("a replay changes rows (-erased +replayed):\n%.3000s", diff)
	}
}

// With a contact key the key finds the hash, and is needed for that.
func TestAHashedContactIsErasedByTheKey(t *testing.T) {
	dir := t.TempDir()
	clear := &heldDay{t, "jsonl:" + dir + "/clear"}
	clear.replay()
	person := contactsOf(clear.rows())[0]
	key := write(t, dir+"/key", "a secret\n")
	d := &heldDay{t, "jsonl:" + dir + "/hashed"}
	d.replay("--contact-key-file", key)
	before := d.rows()
	if r := call(t, "erase", "--sink", d.sink, "--contact", person, "--yes"); r.code != 1 {
		t.Errorf("exit %d: %s", r.code, r.errors)
	} else {
		oneLine(t, r.errors, "hashed", "--contact-key-file")
	}
	if r := call(t, "erase", "--sink", clear.sink, "--contact", person, "--yes", "--contact-key-file", key); r.code != 1 {
		t.Errorf("exit %d: %s", r.code, r.errors)
	} else {
		oneLine(t, r.errors, "not hashed")
	}
	other := write(t, dir+"/other", "another secret\n")
	if r := call(t, "erase", "--sink", d.sink, "--contact", person, "--yes", "--contact-key-file", other); r.code != 1 {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
	d.erase("--contact", person, "--contact-key-file", key, "--yes")
	after := d.rows()
	if len(after["engagements"]) != len(before["engagements"]) || cmp.Equal(before, after) {
		t.Error("nothing was erased")
	}
	d.replay("--contact-key-file", key)
	if diff := cmp.Diff(after, d.rows()); diff != "" {
		t.Errorf("a replay changes rows (-erased +replayed):\n%.3000s", diff)
	}
}

// The records of dead letters tell of a person, too.
func TestDeadLettersOfThePersonLoseTheirRecord(t *testing.T) {
	dir := t.TempDir()
	lines := sampleLines(t)
	d := &heldDay{t, "jsonl:" + dir + "/out"}
	d.replay()
	person := contactsOf(d.rows())[0]
	i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, person) })
	if i < 0 {
		t.Fatalf("no record has %s", person)
	}
	day := write(t, dir+"/broken.ndjson", lines[i][:len(lines[i])-3]+"\n{\"nobody\":1}\n")
	mustRun(t, "run", "--source", "file:"+day, "--sink", d.sink)
	if got := holding(d.rows(), namesOf(person)); !slices.Contains(got, "dead_letters") {
		t.Fatalf("%s is in %q", person, got)
	}
	letters := len(d.rows()["dead_letters"])
	d.erase("--contact", person, "--yes")
	after := d.rows()
	if got := holding(after, namesOf(person)); got != nil || len(after["dead_letters"]) != letters {
		t.Errorf("%s is still in %q; %d letters of %d", person, got, len(after["dead_letters"]), letters)
	}
	mustRun(t, "run", "--source", "file:"+day, "--sink", d.sink)
	if diff := cmp.Diff(after, d.rows()); diff != "" {
		t.Errorf("reading it again changes rows:\n%.2000s", diff)
	}
}

// A live job that goes on with a state that knows the person brings nobody back: neither a task that
// is over, nor one that has further events.
func TestALiveJobBringsNoErasedPersonBack(t *testing.T) {
	d := newLiveDay(t, 200, 7)
	d.send(len(d.records) / 2)
	d.drained(t)
	whole := &heldDay{t, "jsonl:" + filepath.Join(d.dir, "whole")}
	mustRun(t, "run", "--source", "file:"+filepath.Join(d.dir, "all.ndjson"), "--sink", whole.sink)
	e := &model.Engagements
	tasksOf := func(h *heldDay) map[string]map[string]bool {
		m := map[string]map[string]bool{}
		for _, row := range h.rows()["engagements"] {
			cells := strings.Split(row, " | ")
			c := cells[e.Col("contact_id")]
			if m[c] == nil {
				m[c] = map[string]bool{}
			}
			m[c][cells[e.Col("task_sid")]] = true
		}
		return m
	}
	half := &heldDay{t, "duckdb:" + filepath.Join(d.dir, "calls.duckdb")}
	known, all := tasksOf(half), tasksOf(whole)
	open := map[string]bool{}
	for _, row := range half.rows()["engagements"] {
		if cells := strings.Split(row, " | "); cells[e.Col("status")] == "In Progress" {
			open[cells[e.Col("contact_id")]] = true
		}
	}
	var persons []string // who have no further task in the second half
	for _, c := range slices.Sorted(maps.Keys(known)) {
		if strings.HasPrefix(c, "+") && cmp.Equal(known[c], all[c]) && (open[c] || len(persons)%2 == 0) {
			persons = append(persons, c)
		}
	}
	if !slices.ContainsFunc(persons, func(c string) bool { return open[c] }) || len(persons) < 3 {
		t.Fatalf("%d persons, of whom none has an open task", len(persons))
	}
	list := "contact " + strings.Join(persons, "\ncontact ")
	told := half.erase("--list", write(t, filepath.Join(d.dir, "list"), list), "--yes")
	if !strings.Contains(told, "are not over") {
		t.Errorf("it does not say that tasks are open: %s", told)
	}
	d.send(len(d.records))
	d.drained(t)
	d.drained(t)
	got := half.rows()
	delete(got, "dead_letters")
	if in := holding(got, namesOf(persons...)); in != nil {
		t.Errorf("%q are back in %q", persons, in)
	}
	if len(got["engagements"]) < len(whole.rows()["engagements"])/2 {
		t.Errorf("only %d engagements", len(got["engagements"]))
	}
}

// A backfill into tables of change data capture sends what is new, and nothing that is there.
func TestABackfillThatChangesNothingSendsNothing(t *testing.T) {
	s, place := localPlaces(t)
	d := &heldDay{t, place("filled", "&mode=stream")}
	lines := sampleLines(t)
	dir := t.TempDir()
	part := write(t, filepath.Join(dir, "part.ndjson"), strings.Join(lines[:len(lines)/2], "")+"no record\n")
	mustRun(t, "run", "--source", "file:"+part, "--sink", d.sink)
	rows := d.rows()
	before := s.AppendedRows()
	if before == 0 {
		t.Fatal("nothing was appended")
	}
	mustRun(t, "run", "--source", "file:"+part, "--sink", d.sink)
	if n := s.AppendedRows() - before; n != 0 {
		t.Errorf("the second run appended %d rows", n)
	}
	mustRun(t, "run", "--source", "file:"+part, "--sink", d.sink, "--reshape", "--customer-left-reason", "gone")
	if n := s.AppendedRows() - before; n < int64(len(rows["engagements"])) {
		t.Errorf("with --reshape %d rows were appended", n)
	}
	d.replay("--reshape")
	fresh := &heldDay{t, place("fresh", "&mode=stream")}
	fresh.replay()
	got, want := d.rows(), fresh.rows()
	delete(got, "dead_letters")
	delete(want, "dead_letters")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a backfill over a part of the rows (-fresh +filled):\n%.3000s", diff)
	}
}

func TestEraseSaysInOneLineWhatToDo(t *testing.T) {
	dir := t.TempDir()
	there := "--sink=jsonl:" + dir
	for _, test := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"no sink", []string{"--task=WT1", "--yes"}, 2, []string{"--sink is missing"}},
		{"nobody", []string{there, "--yes"}, 2, []string{"nobody is named", "--contact"}},
		{"neither a dry run nor yes", []string{there, "--task=WT1"}, 2, []string{"--dry-run", "--yes"}},
		{"both", []string{there, "--task=WT1", "--yes", "--dry-run"}, 2, []string{"--dry-run", "--yes"}},
		{"an empty contact", []string{there, "--contact= ", "--yes"}, 2, []string{"--contact is empty"}},
		{"no file", []string{"--sink=duckdb:" + dir + "/none.duckdb", "--task=WT1", "--yes"}, 1, []string{"none.duckdb", "no such file"}},
		{"an unknown sink", []string{"--sink=excel:x", "--task=WT1", "--yes"}, 2, []string{`"excel:x"`}},
		{"no list", []string{there, "--list=" + dir + "/none", "--yes"}, 1, []string{"--list", "no such file"}},
		{"a list of something else", []string{there, "--list=" + write(t, dir+"/list", "phone +1555\n"), "--yes"}, 2, []string{"line 1", "contact +15550100"}},
		{"an empty list", []string{there, "--list=" + write(t, dir+"/empty", "# nobody\n"), "--yes"}, 2, []string{"nobody is named"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := call(t, append([]string{"erase"}, test.args...)...)
			if r.code != test.code || r.out != "" {
				t.Errorf("exit %d, want %d; on standard output: %s", r.code, test.code, r.out)
			}
			oneLine(t, r.errors, test.want...)
		})
	}
	if _, err := os.Stat(dir + "/none.duckdb"); err == nil {
		t.Error("a file was made")
	}
}
