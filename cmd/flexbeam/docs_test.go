package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"flexbeam/internal/testkit/tape"
)

// runHere are the sections of docs/operations.md with commands, each with the test that runs them as
// they stand there.
var runHere = map[string]string{
	"":                                    "TestAStreamIsRunAndLookedAtAsTheDocsSay",
	"Look at the tables of a running job": "TestAStreamIsRunAndLookedAtAsTheDocsSay",
	"Backfill and replay":                 "TestBackfillAndReplayLoseNoRows",
	"Daily backfill":                      "TestADayIsFilledInAsTheDocsSay",
	"Heal a gap":                          "TestAGapHealsAsTheDocsSay",
	"A contact key for tables that have none": "TestTablesGetAContactKeyAsTheDocsSay",
	"Erasing a person":                        "TestPersonsAreErasedAsTheDocsSay",
}

// TestEveryCommandOfOperationsIsRun fails if a section of docs/operations.md has commands that no test
// runs.
func TestEveryCommandOfOperationsIsRun(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(top, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := []string{""}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			sections = append(sections, strings.TrimSpace(name))
		}
	}
	for _, s := range sections {
		has := slices.ContainsFunc(procedures(t, s), func(c string) bool { return strings.Contains(c, "flexbeam ") })
		if has != (runHere[s] != "") {
			t.Errorf("section %q: it has commands: %v; they are run by %q", s, has, runHere[s])
		}
	}
}

// A job over a stream is begun, looked at while it runs, ended and begun again by the commands of
// docs/operations.md, run as written, but for the port and the folder of temporary files.
func TestAStreamIsRunAndLookedAtAsTheDocsSay(t *testing.T) {
	job, look := procedures(t, ""), procedures(t, "Look at the tables of a running job")
	if len(job) != 1 || len(look) != 1 {
		t.Fatalf("wanted a command each: %q, %q", job, look)
	}
	const stream = "STREAM"
	endpoint := localKinesis(t, "--stream="+stream)
	t.Setenv("AWS_ENDPOINT_URL_KINESIS", endpoint)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	dir, temp := t.TempDir(), t.TempDir()
	replaced := func(command, old, by string) string {
		t.Helper()
		if !strings.Contains(command, old) {
			t.Fatalf("%q is not in: %s", old, command)
		}
		return strings.Replace(command, old, by, 1)
	}
	run, ask := replaced(job[0], ":9464", ":0"), replaced(look[0], "/data/tmp", temp)
	mustRun(t, "simulate", "--tasks=60", "--hours=2", "--dirty=0.05", "--to=kinesis:"+stream+"?endpoint="+endpoint, "--speed=max", "--progress=none")

	shown := func() string {
		c := exec.Command("sh", "-c", ask)
		c.Dir = dir
		out, err := c.Output()
		if err != nil {
			return ""
		}
		return string(out)
	}
	letters := ""
	for i := range 2 {
		c := exec.Command("sh", "-c", "exec "+run)
		c.Dir = dir
		errs := new(tape.Tape)
		c.Stderr = errs
		begin(t, c)
		eventually(t, "job that runs", func() bool { return strings.Contains(errs.String(), "metrics are served") })
		eventually(t, "answer from the tables of the running job", func() bool { return strings.Contains(shown(), "invalid_") })
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatalf("%v: %s", err, errs)
		}
		if err := c.Wait(); err != nil {
			t.Fatalf("SIGTERM: %v: %s", err, errs)
		}
		switch now := shown(); i {
		case 0:
			letters = now
		default:
			if now != letters {
				t.Errorf("the same command again leaves other dead letters:\n%s\nbefore:\n%s", now, letters)
			}
		}
	}
	nothingLeft(t, temp)
}

var (
	sqlBlock    = regexp.MustCompile("(?s)\n```sql\n(.*?)\n```")
	sqlIndented = regexp.MustCompile(`(?m)(?:^    .*\n)+`)
	sqlInline   = regexp.MustCompile("`(SELECT [^`]*)`")
)

// The queries that the docs show for DuckDB answer something on a day that has dead letters too.
func TestTheQueriesOfTheDocsAnswer(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "day.ndjson"), strings.Join(sampleLines(t), "")+"\nno JSON\n")
	shell(t, dir, "flexbeam run --source file:day.ndjson --sink duckdb:calls.duckdb --as-of 2026-03-03")
	asked := map[string]int{}
	for _, document := range []string{"README.md", "docs/queries.md", "docs/inputs.md", "docs/operations.md"} {
		b, err := os.ReadFile(filepath.Join(top, document))
		if err != nil {
			t.Fatal(err)
		}
		var queries []string
		for _, m := range append(sqlBlock.FindAllStringSubmatch(string(b), -1), sqlInline.FindAllStringSubmatch(string(b), -1)...) {
			queries = append(queries, splitSQL(m[1])...)
		}
		for _, block := range sqlIndented.FindAllString(string(b), -1) {
			if strings.HasPrefix(strings.TrimSpace(block), "SELECT ") {
				queries = append(queries, splitSQL(block)...)
			}
		}
		for _, q := range queries {
			asked[document]++
			r := start(t, dir, q, "query", "--db=calls.duckdb", "--format=csv")
			if r.code != 0 || strings.Count(r.out, "\n") < 2 {
				t.Errorf("%s: exit %d, %q %s:\n%s", document, r.code, r.out, r.errors, q)
			}
		}
	}
	for document, least := range map[string]int{"README.md": 2, "docs/queries.md": 3, "docs/inputs.md": 1, "docs/operations.md": 1} {
		if asked[document] < least {
			t.Errorf("%s: %d queries were found, at least %d are there", document, asked[document], least)
		}
	}
}
