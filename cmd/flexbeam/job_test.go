package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// flinkSays serves what a Flink would answer, by method and path, and notes what it was asked.
func flinkSays(t *testing.T, of map[string]string) (addr string, asked *[]string) {
	t.Helper()
	asked = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Method + " " + r.URL.RequestURI()
		*asked = append(*asked, key)
		text, ok := of[key]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), asked
}

const twoJobs = `{"jobs":[{"jid":"a1b2","name":"flexbeam-k2c4","state":"RUNNING","start-time":1772409600000,"end-time":-1},
	{"jid":"c3d4","name":"flexbeam-old","state":"FINISHED","start-time":1772323200000,"end-time":1772323290000}]}`

func TestJobsOfAClusterAreLookedAfter(t *testing.T) {
	of := map[string]string{
		"GET /jobs/overview": twoJobs,
		"GET /jobs/a1b2": `{"jid":"a1b2","name":"flexbeam-k2c4","state":"RUNNING","start-time":1772409600000,"end-time":-1,
			"vertices":[{"id":"v1","name":"Source","parallelism":1},{"id":"v2","name":"Sink","parallelism":1}],"plan":{"nodes":[{"id":"v2","inputs":[{"id":"v1"}]}]}}`,
		"GET /jobs/c3d4":                            `{"jid":"c3d4","name":"flexbeam-old","state":"FINISHED","start-time":1772323200000,"end-time":1772323290000}`,
		"GET /jobs/a1b2/vertices/v2/watermarks":     `[{"id":"0.currentInputWatermark","value":"1772410000000"}]`,
		"GET /jobs/a1b2/exceptions?maxExceptions=5": `{"exceptionHistory":{"entries":[{"timestamp":1772409700000,"stacktrace":"a.b.E: the TaskManager\nis gone\n\tat a.b(C.java:1)"}]}}`,
		"GET /jobs/a1b2/checkpoints": `{"counts":{"restored":1,"completed":7,"failed":0},"latest":{"completed":{"id":7,"external_path":"file:/c/chk-7",
			"state_size":2048,"end_to_end_duration":40,"latest_ack_timestamp":1772409800000}}}`,
		"GET /jobs/c3d4/exceptions?maxExceptions=5": `{}`, "GET /jobs/c3d4/checkpoints": `{"latest":{"savepoint":{"external_path":"file:/s/savepoint-0"}}}`,
		"POST /jobs/a1b2/savepoints":   `{"request-id":"r"}`,
		"GET /jobs/a1b2/savepoints/r":  `{"status":{"id":"COMPLETED"},"operation":{"location":"file:/s/savepoint-1"}}`,
		"PATCH /jobs/c3d4?mode=cancel": ``,
	}
	tests := []struct {
		args []string
		out  []string
	}{
		{[]string{"list"}, []string{"a1b2  flexbeam-k2c4  RUNNING   2026-03-02T00:00:00Z", "c3d4  flexbeam-old   FINISHED  2026-03-01T00:00:00Z  90.0 s"}},
		{[]string{"status"}, []string{"flexbeam-k2c4", "RUNNING", "2026-03-02T00:06:40Z", "7 completed", "1 restored", "file:/c/chk-7", "2026-03-02T00:01:40Z", "the TaskManager is gone\n"}},
		{[]string{"status", "flexbeam-o"}, []string{"FINISHED", "savepoint    file:/s/savepoint-0"}},
		{[]string{"savepoint"}, []string{"file:/s/savepoint-1\n"}},
		{[]string{"savepoint", "a1", "--to=/s"}, []string{"file:/s/savepoint-1\n"}},
		{[]string{"cancel", "c3d4"}, nil},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			addr, asked := flinkSays(t, of)
			r := call(t, append([]string{"job", "--flink-rest=" + addr}, tt.args...)...)
			if r.code != 0 {
				t.Fatalf("exit %d: %s", r.code, r.errors)
			}
			for _, w := range tt.out {
				if !strings.Contains(r.out, w) {
					t.Errorf("%q is missing in:\n%s", w, r.out)
				}
			}
			if tt.args[0] == "cancel" && !strings.Contains(strings.Join(*asked, "\n"), "PATCH /jobs/c3d4?mode=cancel\nGET /jobs/c3d4") {
				t.Errorf("Flink was asked %q", *asked)
			}
		})
	}
}

func TestAWrongJobSaysInOneLineWhatToDo(t *testing.T) {
	two := strings.ReplaceAll(twoJobs, "FINISHED", "RUNNING")
	tests := []struct {
		name string
		jobs string
		args []string
		code int
		want []string
	}{
		{"no cluster", "", []string{"list"}, 2, []string{"--flink-rest is missing", "127.0.0.1:8081"}},
		{"no such job", twoJobs, []string{"status", "x"}, 1, []string{"no job x", "flexbeam job list"}},
		{"two that run", two, []string{"stop"}, 2, []string{"2 jobs run", "name one"}},
		{"two of the name", two, []string{"stop", "flexbeam-"}, 2, []string{"2 jobs begin with flexbeam-"}},
		{"none that runs", `{"jobs":[]}`, []string{"cancel"}, 1, []string{"no job runs"}},
		{"two names", twoJobs, []string{"stop", "a", "b"}, 2, []string{`"b"`, "one job"}},
		{"no such command", twoJobs, []string{"start"}, 2, []string{"there is no command", "start"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"job"}, tt.args...)
			if tt.jobs != "" {
				addr, _ := flinkSays(t, map[string]string{"GET /jobs/overview": tt.jobs})
				args = append(args, "--flink-rest="+addr)
			}
			r := call(t, args...)
			if r.code != tt.code || r.out != "" {
				t.Errorf("exit %d, want %d, output %q", r.code, tt.code, r.out)
			}
			oneLine(t, r.errors, tt.want...)
		})
	}
	r := call(t, "job", "list", "--flink-rest=127.0.0.1:1")
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "no answer from Flink", "127.0.0.1:1")
}

func TestAWrongJobOnFlinkSaysInOneLineWhatToDo(t *testing.T) {
	const stream, tables = "--source=kinesis:s?endpoint=http://127.0.0.1:1", "--sink=bigquery:p.d"
	flink := []string{"--runner=flink", "--flink-endpoint=127.0.0.1:1", "--flink-rest=127.0.0.1:2"}
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"no endpoint", []string{"--runner=flink", stream, tables}, []string{"--flink-endpoint is missing", "flexbeam local flink"}},
		{"no REST interface", []string{"--runner=flink", "--flink-endpoint=127.0.0.1:1", stream, tables}, []string{"--flink-rest is missing"}},
		{"another runner", []string{"--flink-parallelism=2", stream, tables}, []string{"--flink-parallelism", "the runner is auto", "--runner flink"}},
		{"a state", append([]string{"--state=" + t.TempDir(), stream, tables}, flink...), []string{"--state", "--flink-savepoint"}},
		{"at once", append([]string{"--at-once", stream, tables}, flink...), []string{"--at-once", "--runner prism"}},
		{"a file for workers elsewhere", append([]string{stream, "--sink=duckdb:x.duckdb", "--flink-environment=process", "--flink-worker=w"}, flink...),
			[]string{"--sink duckdb:x.duckdb", "one process", "--flink-environment loopback"}},
		{"files from workers elsewhere", append([]string{"--source=file:job_test.go", tables, "--flink-environment=external", "--flink-worker=h:1"}, flink...),
			[]string{"--source file:job_test.go", "this machine", "environment external"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := call(t, append([]string{"run"}, tt.args...)...)
			if r.code != 2 || r.out != "" {
				t.Errorf("exit %d, output %q", r.code, r.out)
			}
			oneLine(t, r.errors, tt.want...)
		})
	}
}
