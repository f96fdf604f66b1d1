package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEveryLineOfStandardErrorIsOneObjectWhereLogsAreJSON(t *testing.T) {
	dir := t.TempDir()
	if r := start(t, dir, "", "simulate", "--events=3000", "--out=day.ndjson"); r.code != 0 {
		t.Fatal(r.errors)
	}
	db := func(name string) string { return "--sink=duckdb:" + filepath.Join(dir, name) }
	tests := []struct {
		name string
		args []string
		code int
		last string // msg of the last line
	}{
		{"batch", []string{db("a.duckdb")}, 0, "job done"},
		{"stream, everything said", []string{db("b.duckdb"), "--mode=stream", "--log-level=debug", "--progress=plain", "--metrics-addr=127.0.0.1:0"}, 0, "job done"},
		{"a bar is asked for", []string{db("c.duckdb"), "--progress=bar", "--log-level=info"}, 0, "job done"},
		{"failed job", []string{"--sink=duckdb:" + dir + "/none/x.duckdb"}, 1, "command failed"},
		{"wrong flag", []string{db("d.duckdb"), "--mode=slow"}, 2, "command failed"},
		{"wrong address", []string{db("e.duckdb"), "--metrics-addr=9464"}, 2, "command failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, dir, "", append([]string{"run", "--log-format=json", "--source=file:day.ndjson"}, tt.args...)...)
			if r.code != tt.code || r.out != "" {
				t.Errorf("exit %d: %s", r.code, r.out)
			}
			var line struct {
				Time       time.Time
				Level      slog.Level
				Msg        string
				Error      string
				ExitStatus int `json:"exit_status"`
			}
			for text := range strings.Lines(r.errors) {
				line.Msg, line.Time = "", time.Time{}
				if err := json.Unmarshal([]byte(text), &line); err != nil || line.Msg == "" || line.Time.IsZero() {
					t.Fatalf("%v in %q", err, text)
				}
			}
			if line.Msg != tt.last || line.ExitStatus != tt.code || (line.Error == "") != (tt.code == 0) {
				t.Errorf("the last line is %+v", line)
			}
		})
	}
}

func TestLibrariesThatWriteLinesLogThem(t *testing.T) {
	var out bytes.Buffer
	l := lineLogger{slog.New(newHandler(&out, slog.LevelDebug, "json")), slog.LevelWarn}
	text := "first \"line\"\n\n  second\n"
	if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	got := out.String()
	if strings.Count(got, "\n") != 2 || !strings.Contains(got, `"level":"WARN","msg":"first \"line\""}`) || !strings.Contains(got, `"msg":"second"}`) {
		t.Errorf("got %s", got)
	}
}
