package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A job over files needs no directory for temporary files, on whichever runner, and leaves nothing
// in the one there is.
func TestAJobOverFilesUsesNoTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	day := filepath.Join(dir, "day.ndjson")
	mustRun(t, "simulate", "--events=300", "--out="+day)
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, temp := range map[string]string{"an empty one": empty, "none": filepath.Join(dir, "none"), "no directory": filepath.Join(day, "none")} {
		t.Setenv("TMPDIR", temp)
		for _, how := range []string{"--runner=prism", "--runner=direct", "--mode=stream"} {
			if r := start(t, dir, "", "run", "--source=file:day.ndjson", "--sink=duckdb:calls.duckdb", how); r.code != 0 {
				t.Errorf("%s, %s: exit %d: %s", name, how, r.code, r.errors)
			}
		}
	}
	left, err := os.ReadDir(empty)
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A stream puts the tasks that have ended into temporary files: where that cannot be done, it says
// so before it reads.
func TestAStreamWithoutADirectoryForTemporaryFilesSaysSo(t *testing.T) {
	endpoint := localKinesis(t)
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), "")
	t.Setenv("TMPDIR", filepath.Join(file, "none"))
	r := start(t, dir, "", "run", "--source=kinesis:demo?endpoint="+endpoint, "--sink=duckdb:calls.duckdb")
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, file, "not a directory", "set TMPDIR")
}

// The BigQuery on this machine has files of what is uploaded.
func TestALocalBigQueryWithoutADirectoryForTemporaryFilesSaysSo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(dir, "none"))
	r := start(t, dir, "", "local", "bigquery", "--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0")
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "no temporary files can be made in "+dir, "set TMPDIR")
	if strings.Contains(r.errors, "addr") {
		t.Errorf("the addresses are right: %s", r.errors)
	}
}
