package flinkrest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answers serves what Flink would answer, by method and path, each answer in turn and the last one
// for ever, and notes what it was asked.
type answers struct {
	t     *testing.T
	of    map[string][]string
	asked []string
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Method + " " + r.URL.RequestURI()
	body, _ := io.ReadAll(r.Body)
	a.asked = append(a.asked, strings.TrimSpace(key+" "+string(body)))
	list := a.of[key]
	if len(list) == 0 {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":["org.apache.flink.runtime.rest.NotFoundException: Job x not found\n\tat a.b(C.java:1)\nCaused by: org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (x)\n"]}`)
		return
	}
	if len(list) > 1 {
		a.of[key] = list[1:]
	}
	text := list[0]
	if code := 0; strings.HasPrefix(text, "!") {
		_, _ = fmt.Sscanf(text, "!%d", &code)
		w.WriteHeader(code)
		text = text[4:]
	}
	fmt.Fprint(w, text)
}

// serve returns a client of a cluster that answers so.
func serve(t *testing.T, of map[string][]string) (*Client, *answers) {
	t.Helper()
	a := &answers{t: t, of: of}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	return New(strings.TrimPrefix(s.URL, "http://")), a
}

func TestTheCauseOfAnExceptionIsWhatTheWorkerSaid(t *testing.T) {
	tests := []struct{ name, exception, want string }{
		{"a failed transform", `org.apache.flink.runtime.taskmanager.AsynchronousException: Caught exception while processing timer.
	at org.apache.flink.streaming.runtime.tasks.StreamTask$X.handle(StreamTask.java:1575)
	... 13 more
Caused by: java.lang.RuntimeException: Failed to finish remote bundle
	at org.apache.beam.runners.flink.X.close(X.java:840)
Caused by: java.util.concurrent.ExecutionException: java.lang.RuntimeException: Error received from SDK harness for instruction 8: process bundle failed for instruction 8
caused by:
the disk is full
	at java.base/java.util.concurrent.CompletableFuture.reportGet(CompletableFuture.java:395)
Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 8: process bundle failed for instruction 8
caused by:
the disk is full
	at org.apache.beam.runners.fnexecution.control.FnApiControlClient$1.onNext(FnApiControlClient.java:180)
	... 8 more
`, "process bundle failed for instruction 8\ncaused by:\nthe disk is full"},
		{"one without a cause", "org.apache.flink.util.FlinkException: the TaskManager is gone\n\tat a.b.C.d(C.java:7)\n", "the TaskManager is gone"},
		{"a class alone", "java.lang.NullPointerException", "java.lang.NullPointerException"},
		{"no exception", "something", "something"},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Cause(tt.exception); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatAClusterTellsOfItsJobs(t *testing.T) {
	c, _ := serve(t, map[string][]string{
		"GET /jobs/overview": {`{"jobs":[{"jid":"a1","name":"n","state":"RUNNING","start-time":1000,"end-time":-1},{"jid":"b2","name":"m","state":"FAILED","start-time":1000,"end-time":3000}]}`},
		"GET /jobs/a1": {`{"jid":"a1","name":"n","state":"RUNNING","start-time":1000,"end-time":-1,
			"vertices":[{"id":"v1","name":"Source","parallelism":1},{"id":"v2","name":"Sink","parallelism":2}],
			"plan":{"nodes":[{"id":"v2","inputs":[{"id":"v1"}]},{"id":"v1"}]}}`},
		"GET /jobs/a1/exceptions?maxExceptions=5": {`{"exceptionHistory":{"entries":[{"timestamp":2000,"stacktrace":"java.lang.E: x"}]}}`},
		"GET /jobs/a1/checkpoints": {`{"counts":{"restored":1,"completed":7,"failed":2},"latest":{"completed":{"id":7,"external_path":"file:/c/chk-7",
			"state_size":512,"end_to_end_duration":40,"latest_ack_timestamp":2000},"savepoint":{"external_path":"file:/s/1"}}}`},
	})
	jobs, err := c.Jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := Job{ID: "a1", Name: "n", State: Running, Started: time.UnixMilli(1000).UTC()}
	second := Job{ID: "b2", Name: "m", State: Failed, Started: time.UnixMilli(1000).UTC(), Ended: time.UnixMilli(3000).UTC()}
	if d := cmp.Diff([]Job{first, second}, jobs); d != "" {
		t.Errorf("jobs (-want +got):\n%s", d)
	}
	s, err := c.Status(t.Context(), "a1")
	want := Status{Job: first, Vertices: []Vertex{{"v1", "Source", 1, true}, {"v2", "Sink", 2, false}}}
	if d := cmp.Diff(want, s); d != "" || err != nil {
		t.Errorf("%v, status (-want +got):\n%s", err, d)
	}
	x, err := c.Exceptions(t.Context(), "a1")
	if d := cmp.Diff([]Exception{{time.UnixMilli(2000).UTC(), "java.lang.E: x"}}, x); d != "" || err != nil {
		t.Errorf("%v, exceptions (-want +got):\n%s", err, d)
	}
	p, err := c.Checkpoints(t.Context(), "a1")
	points := Checkpoints{Completed: 7, Failed: 2, Restored: 1, Last: &Checkpoint{7, "file:/c/chk-7", 512, 40 * time.Millisecond, time.UnixMilli(2000).UTC()}, Savepoint: "file:/s/1"}
	if d := cmp.Diff(points, p); d != "" || err != nil {
		t.Errorf("%v, checkpoints (-want +got):\n%s", err, d)
	}
}

func TestTheWatermarkOfAVertexIsTheLeastOfAllItsSubtasks(t *testing.T) {
	const path = "GET /jobs/a1/vertices/v2/watermarks"
	tests := []struct {
		name, answer string
		ms           int64
		ok           bool
	}{
		{"all of them", `[{"id":"0.currentInputWatermark","value":"1700"},{"id":"1.currentInputWatermark","value":"1500"}]`, 1500, true},
		{"at the end of time", `[{"id":"0","value":"9223372036854775807"},{"id":"1","value":"9223372036854775807"}]`, EndOfTime, true},
		{"one is missing", `[{"id":"0.currentInputWatermark","value":"1700"}]`, 0, false},
		{"one has told none", `[{"id":"0","value":"1700"},{"id":"1","value":"NaN"}]`, 0, false},
		{"none", `[]`, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := serve(t, map[string][]string{path: {tt.answer}})
			ms, ok, err := c.Watermark(t.Context(), "a1", Vertex{ID: "v2", Parallelism: 2})
			if ms != tt.ms || ok != tt.ok || err != nil {
				t.Errorf("%d, %t, %v", ms, ok, err)
			}
		})
	}
}

func TestASavepointIsWaitedFor(t *testing.T) {
	const begun, going = `{"request-id":"r"}`, `{"status":{"id":"IN_PROGRESS"}}`
	made := `{"status":{"id":"COMPLETED"},"operation":{"location":"file:/s/savepoint-1"}}`
	refused := `{"status":{"id":"COMPLETED"},"operation":{"failure-cause":{"class":"E","stack-trace":"a.b.CompletionException: x\nCaused by: a.b.CheckpointException: the disk is full\n"}}}`
	t.Run("made", func(t *testing.T) {
		c, a := serve(t, map[string][]string{"POST /jobs/a1/savepoints": {begun}, "GET /jobs/a1/savepoints/r": {going, made}})
		path, err := c.Savepoint(t.Context(), "a1", "")
		if path != "file:/s/savepoint-1" || err != nil || a.asked[0] != `POST /jobs/a1/savepoints {"cancel-job":false,"target-directory":null}` {
			t.Errorf("%q, %v, asked %q", path, err, a.asked)
		}
	})
	t.Run("by a stop", func(t *testing.T) {
		c, a := serve(t, map[string][]string{"POST /jobs/a1/stop": {begun}, "GET /jobs/a1/savepoints/r": {made}})
		path, err := c.Stop(t.Context(), "a1", "/s")
		if path != "file:/s/savepoint-1" || err != nil || a.asked[0] != `POST /jobs/a1/stop {"drain":false,"targetDirectory":"/s"}` {
			t.Errorf("%q, %v, asked %q", path, err, a.asked)
		}
	})
	t.Run("refused", func(t *testing.T) {
		c, _ := serve(t, map[string][]string{"POST /jobs/a1/savepoints": {begun}, "GET /jobs/a1/savepoints/r": {refused}})
		if path, err := c.Savepoint(t.Context(), "a1", ""); path != "" || !errors.Is(err, ErrRefused) || !strings.HasSuffix(err.Error(), "the disk is full") {
			t.Errorf("%q, %v", path, err)
		}
	})
}

func TestAJobIsWaitedForThoughItsClusterIsSilentForAWhile(t *testing.T) {
	c, _ := serve(t, map[string][]string{"GET /jobs/a1": {`{"state":"RUNNING"}`, "!503{}", `{"state":"CANCELED"}`}})
	if s, err := c.Await(t.Context(), "a1"); s != Canceled || err != nil {
		t.Errorf("%v, %v", s, err)
	}
}

func TestWhatAClusterRefusesIsOneLine(t *testing.T) {
	c, _ := serve(t, map[string][]string{"PATCH /jobs/a1?mode=cancel": {`!409{"errors":["a.b.E: it is over\n\tat a.b(C.java:1)"]}`}, "GET /jobs/overview": {"hello"}})
	if err := c.Cancel(t.Context(), "a1"); !errors.Is(err, ErrRefused) || !strings.HasSuffix(err.Error(), ": it is over") {
		t.Errorf("a refusal: %v", err)
	}
	if _, err := c.Status(t.Context(), "x"); !errors.Is(err, ErrNoJob) || !strings.HasSuffix(err.Error(), "Could not find Flink job (x)") {
		t.Errorf("no such job: %v", err)
	}
	if _, err := c.Jobs(t.Context()); err == nil {
		t.Error("what is no JSON is taken")
	}
	if _, err := New("127.0.0.1:1").Jobs(t.Context()); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "http://127.0.0.1:1") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestCountersAreSummedOverVerticesAndSubtasks(t *testing.T) {
	running := `{"jid":"a1","state":"RUNNING","vertices":[{"id":"v1"},{"id":"v2"}],"plan":{"nodes":[{"id":"v2","inputs":[{"id":"v1"}]},{"id":"v1"}]}}`
	c, a := serve(t, map[string][]string{
		"GET /jobs/a1":                              {running},
		"GET /jobs/a1/metrics?get=numRestarts":      {`[{"id":"numRestarts","value":"2"}]`},
		"GET /jobs/a1/vertices/v1/subtasks/metrics": {`[{"id":"numRecordsIn"},{"id":"read.flexbeam_records"}]`},
		"GET /jobs/a1/vertices/v1/subtasks/metrics?agg=sum&get=read.flexbeam_records": {`[{"id":"read.flexbeam_records","sum":7.0}]`},
		"GET /jobs/a1/vertices/v2/subtasks/metrics":                                   {`[{"id":"a b.flexbeam_records"},{"id":"x.flexbeam_events"},{"id":"x.other_events"}]`},
		"GET /jobs/a1/vertices/v2/subtasks/metrics?agg=sum&get=a+b.flexbeam_records,x.flexbeam_events": {
			`[{"id":"a b.flexbeam_records","sum":1.0},{"id":"x.flexbeam_events","sum":3.0}]`},
	})
	restarts, values, err := c.Counters(t.Context(), "a1", "flexbeam")
	if d := cmp.Diff(map[string]int64{"records": 8, "events": 3}, values); d != "" || restarts != 2 || err != nil {
		t.Errorf("%d restarts, %v, asked %q, counters (-want +got):\n%s", restarts, err, a.asked, d)
	}
}

func TestCountersOfAJobThatHasEndedAreThoseOfItsLastMoment(t *testing.T) {
	metric := func(urn, namespace, name, payload string) string {
		return fmt.Sprintf(`{\"urn\":\"%s\",\"payload\":\"%s\",\"labels\":{\"NAMESPACE\":\"%s\",\"NAME\":\"%s\"}}`, urn, payload, namespace, name)
	}
	const sum = "beam:metric:user:sum_int64:v1"
	value := strings.Join([]string{
		metric(sum, "flexbeam", "records", "rAI="), metric(sum, "flexbeam", "records", "AQ=="), metric(sum, "other", "records", "AQ=="),
		metric("beam:metric:user:distribution_int64:v1", "flexbeam", "records", "AQ=="), metric(sum, "flexbeam", "broken", "!"),
	}, ",")
	c, _ := serve(t, map[string][]string{
		"GET /jobs/a1":              {`{"jid":"a1","state":"FINISHED"}`},
		"GET /jobs/a1/accumulators": {`{"user-task-accumulators":[{"name":"x","value":"7"},{"name":"__metricscontainers","value":"{\"metrics\":{\"attempted\":[` + value + `]}}"}]}`},
	})
	restarts, values, err := c.Counters(t.Context(), "a1", "flexbeam")
	if d := cmp.Diff(map[string]int64{"records": 301}, values); d != "" || restarts >= 0 || err != nil {
		t.Errorf("%d restarts, %v, counters (-want +got):\n%s", restarts, err, d)
	}
}

func TestWhetherAClusterIsHighlyAvailable(t *testing.T) {
	const path = "GET /jobmanager/config"
	for answer, want := range map[string]bool{
		`[]`: false, `[{"key":"high-availability.type","value":"NONE"}]`: false,
		`[{"key":"x","value":"y"},{"key":"high-availability.type","value":"zookeeper"}]`: true,
		`[{"key":"high-availability","value":"kubernetes"}]`:                             true,
	} {
		c, _ := serve(t, map[string][]string{path: {answer}})
		if got, err := c.HighlyAvailable(t.Context()); got != want || err != nil {
			t.Errorf("%s: %t, %v", answer, got, err)
		}
	}
}
