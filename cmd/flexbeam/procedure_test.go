package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// procedures returns the commands of a section of docs/operations.md, as they stand there.
func procedures(t *testing.T, section string) []string {
	t.Helper()
	return proceduresOf(t, "docs/operations.md", section)
}

// proceduresOf does so with a section of another document. Without a section it is what stands before the
// first one.
func proceduresOf(t *testing.T, document, section string) (commands []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(top, document))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b) // what stands before the first section
	if section != "" {
		var found bool
		if _, text, found = strings.Cut(text, "\n## "+section+"\n"); !found {
			t.Fatalf("%s has no section %s", document, section)
		}
	}
	text, _, _ = strings.Cut(text, "\n## ")
	goesOn := false
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		command = strings.TrimSpace(command)
		begin, more := strings.CutSuffix(command, "\\")
		if goesOn {
			commands[len(commands)-1] += begin
		} else {
			commands = append(commands, begin)
		}
		goesOn = more
	}
	return commands
}

// sampleLines returns the lines of the sample day.
func sampleLines(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(top, sampleDay))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimRight(string(b), "\n"), "\n")
}

// held returns the rows of the tables in a DuckDB file, as text.
func held(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, table := range []string{"engagements", "agents", "agent_status", "customers"} {
		r := start(t, dir, "", "query", "--db", "calls.duckdb", "--format", "csv", "SELECT * FROM "+table+" ORDER BY ALL")
		if r.code != 0 {
			t.Fatal(r.errors)
		}
		all[table] = r.out
	}
	return all
}

// shell runs a command that the docs show, which must succeed, and returns its standard error.
func shell(t *testing.T, dir, command string) string {
	t.Helper()
	var errs bytes.Buffer
	c := exec.Command("sh", "-c", command)
	c.Dir, c.Stderr = dir, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, errs.String())
	}
	return errs.String()
}

// The procedures of docs/operations.md, run as written over the rows of a job that knows all of the
// day up to its end, as a live one does, change no row: neither with all events nor with a part of
// the day, which cuts tasks and the time of agents in two.
func TestBackfillAndReplayLoseNoRows(t *testing.T) {
	commands := procedures(t, "Backfill and replay")
	if len(commands) != 2 {
		t.Fatalf("wanted the commands of a backfill and of a replay: %q", commands)
	}
	lines := sampleLines(t)
	dir := t.TempDir()
	run := func(command string) { t.Helper(); shell(t, dir, command) }
	if err := os.Mkdir(filepath.Join(dir, "archive"), 0o755); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "archive", "day.ndjson")
	write(t, archive, strings.Join(lines, ""))
	run("flexbeam run --as-of 2026-03-03T00:00:00Z --source 'file:archive/*.ndjson' --sink duckdb:calls.duckdb")
	want := held(t, dir)
	backfill, replay := commands[0], commands[1]
	for _, step := range []struct {
		name, command string
		lines         []string
	}{
		{"a backfill of everything", backfill, lines},
		{"a backfill of a part of the day", backfill, lines[len(lines)*3/10 : len(lines)*6/10]},
		{"a backfill of the first half", backfill, lines[:len(lines)/2]},
		{"a replay", replay, lines},
	} {
		write(t, archive, strings.Join(step.lines, ""))
		run(step.command)
		if d := cmp.Diff(want, held(t, dir)); d != "" {
			t.Errorf("%s changes rows (-before +after):\n%.3000s", step.name, d)
		}
	}
}

// The procedure by which tables get a contact key, run as written where the events of the first
// half of the day are gone: no contact stands in the rows any more, the job says what stays, and
// later jobs need the key.
func TestTablesGetAContactKeyAsTheDocsSay(t *testing.T) {
	commands := procedures(t, "A contact key for tables that have none")
	if len(commands) != 1 {
		t.Fatalf("wanted one command: %q", commands)
	}
	lines := sampleLines(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "archive"), 0o755); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "archive", "day.ndjson")
	write(t, archive, strings.Join(lines, ""))
	const job = "flexbeam run --source 'file:archive/*.ndjson' --sink duckdb:calls.duckdb"
	shell(t, dir, job)
	const contacts = "SELECT count(*) FROM (SELECT contact_id FROM customers WHERE contact_kind <> 'task' UNION ALL SELECT contact_id FROM engagements WHERE contact_id <> task_sid) " +
		"WHERE NOT regexp_full_match(contact_id, '[0-9a-f]{64}')"
	clear := func() string {
		r := start(t, dir, "", "query", "--db", "calls.duckdb", "--format", "csv", contacts)
		if r.code != 0 {
			t.Fatal(r.errors)
		}
		return strings.Fields(r.out)[1]
	}
	if clear() == "0" {
		t.Fatal("there is no contact to be hidden")
	}
	write(t, archive, strings.Join(lines[len(lines)/2:], ""))
	write(t, filepath.Join(dir, "key.txt"), "a secret\n")
	if says := shell(t, dir, commands[0]); !strings.Contains(says, "until everything is read again with this key") {
		t.Errorf("it does not say what stays: %s", says)
	}
	if n := clear(); n != "0" {
		t.Errorf("%s contacts are readable", n)
	}
	if r := start(t, dir, "", "run", "--source", "file:archive/day.ndjson", "--sink", "duckdb:calls.duckdb"); r.code != 1 || !strings.Contains(r.errors, "give that key") {
		t.Errorf("a job without the key: exit %d, %s", r.code, r.errors)
	}
	shell(t, dir, job+" --contact-key-file key.txt")
}

// The commands that erase a person, run as written over DuckDB and over BigQuery, and that which
// gives a dataset a contact key.
func TestPersonsAreErasedAsTheDocsSay(t *testing.T) {
	_, place := localPlaces(t)
	for _, test := range []struct{ document, written, sink string }{
		{"docs/operations.md", "duckdb:calls.duckdb", "duckdb:calls.duckdb"},
		{"docs/bigquery.md", "bigquery:MY-PROJECT.flex", "'" + place("procedures", "&mode=stream") + "'"},
	} {
		commands := proceduresOf(t, test.document, "Erasing a person")
		if len(commands) != 2 {
			t.Fatalf("wanted a dry run and an erasure: %q", commands)
		}
		dir := t.TempDir()
		write(t, filepath.Join(dir, "day.ndjson"), strings.Join(sampleLines(t), ""))
		shell(t, dir, "flexbeam run --source file:day.ndjson --sink "+test.sink)
		uri := strings.Trim(test.sink, "'")
		if rest, ok := strings.CutPrefix(uri, "duckdb:"); ok {
			uri = "duckdb:" + filepath.Join(dir, rest)
		}
		d := &heldDay{t, uri}
		before := d.rows()
		person := contactsOf(before)[0]
		write(t, filepath.Join(dir, "requests.txt"), "contact "+person+"\n")
		run := func(command string) string {
			return shell(t, dir, strings.ReplaceAll(command, test.written, test.sink))
		}
		if says := run(commands[0]); !strings.Contains(says, "nothing was erased") || !cmp.Equal(before, d.rows()) {
			t.Errorf("a dry run says: %s", says)
		}
		if says := run(commands[1]); !strings.Contains(says, "state directories") {
			t.Errorf("it does not say what remains: %s", says)
		}
		if in := holding(d.rows(), namesOf(person)); in != nil {
			t.Errorf("%s is still in %q", person, in)
		}
	}
}

func TestADatasetGetsAContactKeyAsTheDocsSay(t *testing.T) {
	commands := proceduresOf(t, "docs/bigquery.md", "A contact key for a dataset that has none")
	if len(commands) != 1 {
		t.Fatalf("wanted one command: %q", commands)
	}
	_, place := localPlaces(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "archive"), 0o755); err != nil {
		t.Fatal(err)
	}
	lines := sampleLines(t)
	write(t, filepath.Join(dir, "archive", "day.ndjson"), strings.Join(lines, ""))
	write(t, filepath.Join(dir, "key.txt"), "a secret\n")
	d := &heldDay{t, place("keyed", "")}
	shell(t, dir, "flexbeam run --source 'file:archive/*.ndjson' --sink '"+d.sink+"&mode=stream'")
	person := contactsOf(d.rows())[0]
	write(t, filepath.Join(dir, "archive", "day.ndjson"), strings.Join(lines[len(lines)/2:], ""))
	shell(t, dir, strings.ReplaceAll(commands[0], "bigquery:MY-PROJECT.flex", "'"+d.sink+"'"))
	rows := d.rows()
	if in := holding(map[string][]string{"customers": rows["customers"], "dead_letters": rows["dead_letters"]}, namesOf(person)); in != nil {
		t.Errorf("%s is still in %q", person, in)
	}
	if left := contactsOf(rows); len(left) > 0 {
		t.Errorf("engagements have the contacts %q", left)
	}
	shell(t, dir, "flexbeam run --source 'file:archive/*.ndjson' --sink '"+d.sink+"' --contact-key-file key.txt --reshape")
}
