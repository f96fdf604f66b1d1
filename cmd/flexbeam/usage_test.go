package main

import (
	"os"
	"path/filepath"
	"testing"

	"flexbeam/transforms/keyed"
)

func TestWrongCommandLineSaysInOneLineWhatToDo(t *testing.T) {
	dir := t.TempDir()
	day := write(t, filepath.Join(dir, "day.ndjson"), "{}\n")
	empty := write(t, filepath.Join(dir, "empty.key"), "\n")
	text := write(t, filepath.Join(dir, "text"), "this is no database\n")
	secret := write(t, filepath.Join(dir, "secret"), "s3cret\n")
	db := filepath.Join(dir, "x.duckdb")
	source, sink := "--source=file:"+day, "--sink=duckdb:"+db
	tests := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"unknown command", []string{"rum"}, 2, []string{`"rum"`, "did you mean run?"}},
		{"unknown command below", []string{"schema", "dll"}, 2, []string{`"dll"`, "ddl"}},
		{"unknown help", []string{"help", "nothing"}, 2, []string{`"nothing"`}},
		{"unknown flag", []string{"run", "--sauce=x"}, 2, []string{"--sauce", "flexbeam run --help"}},
		{"unknown flag of the root", []string{"--sauce"}, 2, []string{"--sauce", "flexbeam --help"}},
		{"flag without value", []string{"run", "--source"}, 2, []string{"--source"}},
		{"argument that is no flag", []string{"run", "day.ndjson"}, 2, []string{"day.ndjson"}},
		{"no source", []string{"run", sink}, 2, []string{"--source is missing", "file:"}},
		{"no sink", []string{"run", source}, 2, []string{"--sink is missing", "duckdb:"}},
		{"unknown source", []string{"run", "--source=ftp:x", sink}, 2, []string{`"ftp:x"`, "file:PATTERN"}},
		{"unknown sink", []string{"run", source, "--sink=excel:x"}, 2, []string{`"excel:x"`, "duckdb"}},
		{"source that is no URI", []string{"run", "--source=day.ndjson", sink}, 2, []string{"day.ndjson", "file:"}},
		{"sink that is no URI", []string{"run", source, "--sink=x.duckdb"}, 2, []string{"x.duckdb", "SCHEME:PLACE"}},
		{"unknown runner", []string{"run", source, sink, "--runner=spark"}, 2, []string{"spark", "auto, direct, prism"}},
		{"unknown mode", []string{"run", source, sink, "--mode=slow"}, 2, []string{"slow", "auto, batch, stream"}},
		{"direct cannot stream", []string{"run", source, sink, "--runner=direct", "--mode=stream"}, 2, []string{"direct", "--runner prism"}},
		{"time that is none", []string{"run", source, sink, "--as-of=yesterday"}, 2, []string{"--as-of", "yesterday", "2026-"}},
		{"duration that is none", []string{"run", source, sink, "--flush-every=5"}, 2, []string{"--flush-every"}},
		{"duration below zero", []string{"run", source, sink, "--flush-every=-5s"}, 2, []string{"--flush-every", "above 0"}},
		{"lateness that is none", []string{"run", source + "?lateness=late", sink}, 2, []string{"lateness=late"}},
		{"unknown progress", []string{"run", source, sink, "--progress=loud"}, 2, []string{"loud", "plain"}},
		{"unknown log level", []string{"run", source, sink, "--log-level=loud"}, 2, []string{"loud", "debug, info"}},
		{"empty key", []string{"run", source, sink, "--contact-key-file=" + empty}, 2, []string{"empty.key is empty"}},
		{"a state of TaskRouter's log", []string{"run", "--source=taskrouter:WS00000000000000000000000000000001?account=AC00000000000000000000000000000001&key=SK00000000000000000000000000000001&secret=file:" + secret, sink, "--state=log.state"}, 2,
			[]string{"--state", "keep=log.state", "leave --state out"}},
		{"no file of a key", []string{"run", source, sink, "--contact-key-file=" + dir + "/no.key"}, 1, []string{"no.key", "no such file"}},
		{"no file", []string{"run", "--source=file:" + dir + "/none.ndjson", sink}, 1, []string{"none.ndjson"}},
		{"a folder as a file", []string{"run", "--source=file:" + dir, sink}, 1, []string{"is a directory", "*.ndjson"}},
		{"glob without files", []string{"run", "--source=file:" + dir + "/*.zst", sink}, 1, []string{"*.zst"}},
		{"malformed glob", []string{"run", "--source=file:" + dir + "/[", sink}, 1, []string{"["}},
		{"sink in no folder", []string{"run", source, "--sink=duckdb:" + dir + "/none/x.duckdb"}, 1, []string{"/none"}},
		{"sink that is a folder", []string{"run", source, "--sink=duckdb:" + dir}, 1, []string{dir}},
		{"sink that is another file", []string{"run", source, "--sink=duckdb:" + text}, 1, []string{text}},
		{"nothing to draw", []string{"simulate", "--hours=-1"}, 2, []string{"--hours"}},
		{"share above 1", []string{"simulate", "--dirty=2"}, 2, []string{"--dirty"}},
		{"an ending that is not written", []string{"simulate", "--out=" + dir + "/day.ndjson.bz2"}, 2, []string{"--out", ".bz2", ".gz or .zst"}},
		{"unknown form", []string{"simulate", "--form=xml"}, 2, []string{"xml", "rest"}},
		{"no place to draw to", []string{"simulate", "--out=" + dir + "/none/x"}, 1, []string{"--out", "no such file"}},
		{"query without a file", []string{"query", "SELECT 1"}, 2, []string{"--db"}},
		{"query of no file", []string{"query", "--db=" + dir + "/none", "SELECT 1"}, 1, []string{"there is no file", "flexbeam run"}},
		{"query of another file", []string{"query", "--db=" + text, "SELECT 1"}, 1, []string{"no DuckDB file"}},
		{"query of a folder", []string{"query", "--db=" + dir, "SELECT 1"}, 1, []string{"is a directory"}},
		{"query without SQL", []string{"query", "--db=" + text, " -- nothing"}, 2, []string{"no SQL"}},
		{"two queries", []string{"query", "--db=" + text, "SELECT", "1"}, 2, []string{"quotes"}},
		{"no file of SQL", []string{"query", "--db=" + text, "-f", dir + "/none.sql"}, 1, []string{"none.sql"}},
		{"unknown table", []string{"schema", "json", "--table=agent"}, 2, []string{`"agent"`, "agents"}},
		{"no dataset to make tables in", []string{"schema", "apply"}, 2, []string{"--sink", "bigquery:PROJECT.DATASET"}},
		{"tables in another sink", []string{"schema", "apply", "--sink=duckdb:x"}, 2, []string{"duckdb:x", "bigquery:PROJECT.DATASET"}},
		{"dataset without a project", []string{"schema", "apply", "--sink=bigquery:flex"}, 2, []string{`"flex"`, "bigquery:PROJECT.DATASET"}},
		{"unknown dialect", []string{"schema", "ddl", "--dialect=mysql"}, 2, []string{"mysql", "bigquery"}},
		{"unknown shell", []string{"completion", "tcsh"}, 2, []string{"tcsh", "zsh"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := call(t, tt.args...)
			if r.code != tt.code {
				t.Errorf("exit %d, want %d", r.code, tt.code)
			}
			if r.out != "" {
				t.Errorf("on standard output: %s", r.out)
			}
			oneLine(t, r.errors, tt.want...)
		})
	}
}

func TestUnreadableFileFails(t *testing.T) {
	dir := t.TempDir()
	day := filepath.Join(dir, "day.ndjson")
	if err := os.Symlink(day, day); err != nil { // nobody can read what leads to itself, not even root
		t.Fatal(err)
	}
	r := call(t, "run", "--source=file:"+dir+"/*.ndjson", "--sink=duckdb:"+dir+"/x.duckdb")
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "day.ndjson", "symbolic links")
}

func TestEmptyKeyInTheEnvironmentIsRefused(t *testing.T) {
	t.Setenv(keyed.KeyVariable, " ")
	dir := t.TempDir()
	day := write(t, filepath.Join(dir, "day.ndjson"), "{}\n")
	r := call(t, "run", "--source=file:"+day, "--sink=duckdb:"+dir+"/x.duckdb")
	if r.code != 2 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, keyed.KeyVariable, "unset")
}
