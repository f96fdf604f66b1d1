package pipeline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"flexbeam/pipeline/runtime"
	_ "flexbeam/pipeline/sink/jsonl"
	"flexbeam/pipeline/source/file"
	"flexbeam/runners/portable"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/beamstate"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/metricsx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	beamprism "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/runnerlib"
	"github.com/google/go-cmp/cmp"
)

// theWorker is the worker of remote runners, built once.
var theWorker struct {
	sync.Once
	program string
	err     error
}

// workerProgram returns the path of the worker of remote runners.
func workerProgram(t *testing.T) string {
	t.Helper()
	theWorker.Do(func() {
		dir, err := os.MkdirTemp("", "flexbeam-worker-")
		if err != nil {
			theWorker.err = err
			return
		}
		afterAll = append(afterAll, func() { _ = os.RemoveAll(dir) })
		theWorker.program = filepath.Join(dir, "flexbeam-worker")
		if out, err := exec.Command("make", "-C", "..", "release", "BIN="+dir).CombinedOutput(); err != nil {
			theWorker.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if theWorker.err != nil {
		t.Fatal(theWorker.err)
	}
	return theWorker.program
}

// workerPool starts the worker of remote runners as a pool, and returns its address. The variables are
// added to its environment.
func workerPool(t *testing.T, variables ...string) string {
	t.Helper()
	c := exec.Command(workerProgram(t), "--worker-pool", "localhost:0")
	c.Env = append(os.Environ(), variables...)
	errs, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	lines := bufio.NewReader(errs)
	line, err := lines.ReadString('\n')
	_, address, ok := strings.Cut(strings.TrimSpace(line), "address=")
	if err != nil || !ok {
		t.Fatalf("%v: %s", err, line)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return address
}

// A job whose transforms run in the worker's process, which knows nothing but what travels with the
// graph and what is in its environment, leaves the tables that the same job leaves in one process.
// Its metrics come back by the runner.
func TestAJobInTheWorkersProcessLeavesTheSameTables(t *testing.T) {
	d := simulated(t)
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	const key = "the contact key"
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	here, there := t.TempDir(), t.TempDir()
	o := Options{Source: "file:" + filepath.Join(d.dir, "*.ndjson*"), Mode: Stream, ContactKey: key, AsOf: asOf, Sink: "jsonl:" + here}
	want, err := run(ctx, t, o, file.ChunkSize)
	if err != nil {
		t.Fatal(err)
	}
	o.Sink = "jsonl:" + there
	server, id := runElsewhere(ctx, t, graphOf(t, o, beamstate.Driver{}, workerPool(t, keyed.KeyFileVariable+"="+keyFile)))
	for _, table := range []string{"engagements", "agents", "agent_status", "customers", "dead_letters"} {
		a, b := readLines(t, filepath.Join(here, table+".jsonl")), readLines(t, filepath.Join(there, table+".jsonl"))
		if len(a) == 0 {
			t.Errorf("%s is empty: the test shows nothing", table)
		}
		if d := cmp.Diff(a, b); d != "" {
			t.Errorf("%s (-in one process +in the worker):\n%.3000s", table, d)
		}
	}
	answer, err := server.GetJobMetrics(ctx, &jobpb.GetJobMetricsRequest{JobId: id})
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]int64{}
	for _, c := range metricsx.FromMonitoringInfos(nil, answer.GetMetrics().GetAttempted(), answer.GetMetrics().GetCommitted()).AllMetrics().Counters() {
		if c.Key.Namespace == runtime.Metrics {
			counted[c.Key.Name] += c.Result()
		}
	}
	if counted["records"] != want.Records || counted["events"] != want.Events || counted["dead_letters"] != want.DeadLetters || counted["rows_engagements_upsert"] < want.Rows["engagements"] {
		t.Errorf("the runner has counted %v, want %+v", counted, want)
	}
}

// runElsewhere runs a graph whose transforms are in other processes, to its end.
func runElsewhere(ctx context.Context, t *testing.T, graph *pipepb.Pipeline) (server jobpb.JobServiceClient, id string) {
	t.Helper()
	server, err := beamprism.CreateJobServer(ctx, beamprism.Options{})
	if err != nil {
		t.Fatal(err)
	}
	prepared, _, token, err := runnerlib.Prepare(ctx, server, graph, &runnerlib.JobOptions{Name: t.Name(), Experiments: []string{"prism_disable_sdf_split"}, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	if id, err = runnerlib.Submit(ctx, server, prepared, token); err != nil {
		t.Fatal(err)
	}
	if err := runnerlib.WaitForCompletion(ctx, server, id); err != nil {
		t.Fatal(err)
	}
	return server, id
}

// A worker fetches transcripts with the secret of its own environment: the graph has only its name.
func TestAWorkerFetchesTranscriptsByItself(t *testing.T) {
	c := newChatting(t)
	want, sum := c.run(t, Options{Turns: c.turns})
	dir := t.TempDir()
	o := Options{Source: "file:" + c.path, Mode: Stream, Sink: "jsonl:" + dir, Turns: c.turns}
	graph := graphOf(t, o, beamstate.Driver{}, workerPool(t))
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := portable.Check(graph, portable.Forbidden{What: "the secret", Text: plantedSecret}); err != nil {
		t.Error(err)
	}
	if err := portable.Check(graph, portable.Forbidden{What: "its name", Text: "TWILIO_API_SECRET"}); !errors.Is(err, portable.ErrFound) {
		t.Errorf("the graph does not tell where the secret is: %v", err)
	}
	calls := c.server.Calls("/Messages")
	runElsewhere(ctx, t, graph)
	got := readLines(t, filepath.Join(dir, "turn_contents.jsonl"))
	if len(got) != len(want["turn_contents"]) || c.server.Calls("/Messages") == calls || sum.Transcripts == 0 {
		t.Errorf("%d turns, want %d; %d calls", len(got), len(want["turn_contents"]), c.server.Calls("/Messages")-calls)
	}
	texts := map[string]bool{}
	for _, r := range want.Rows("turn_contents") {
		texts[r["turn_id"]+" "+r["text"]] = true
	}
	for _, l := range got {
		var r struct {
			ID   string `json:"turn_id"`
			Text string `json:"text"`
		}
		if err := json.Unmarshal([]byte(l), &r); err != nil || !texts[r.ID+" "+r.Text] {
			t.Errorf("%v: %s", err, l)
		}
	}
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}
