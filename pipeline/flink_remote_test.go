//go:build flinklong

package pipeline

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/internal/testkit/flinklocal"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/sink"
	_ "flexbeam/pipeline/sink/bigquery"
	"flexbeam/runners/flink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// workersOf returns the processes that are workers of a program, and not its pool.
func workersOf(t *testing.T, program string) (pids []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(all) == 0 {
		t.Fatalf("%d processes, %v", len(all), err)
	}
	for _, dir := range all {
		exe, _ := os.Readlink(filepath.Join(dir, "exe")) // one that is gone has none
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && exe == program && bytes.Contains(args, []byte("\x00--id=")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// tablesIn reads the tables of a sink.
func tablesIn(t *testing.T, uri string) history.Tables {
	t.Helper()
	out, err := sink.Open(t.Context(), uri, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store := history.NewStore()
	for _, table := range model.Tables {
		err := out.Rows(t.Context(), table.ID, "", nil, func(r model.Row) error {
			return store.Write(t.Context(), change.Block(nil).Append(change.Change{Table: table.ID, Row: r}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store.Tables()
}

// A stream goes into BigQuery by workers that are processes of their own. Killed are a worker, and a
// TaskManager, which leaves its workers behind. None outlives the TaskManagers.
func TestAStreamOnFlinkOutlivesKillsOfItsWorkersAndOfTheirTaskManager(t *testing.T) {
	for _, environment := range []string{flink.Process, flink.External} {
		t.Run(environment, func(t *testing.T) { killWorkers(t, environment) })
	}
}

func killWorkers(t *testing.T, environment string) {
	c := startFlink(t)
	records := drawnDay(t, 16, 60, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	b, err := bigquerylocal.Start(bigquerylocal.Options{AnyDay: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	o := onFlink(t)
	o.Source = s.source("s")
	o.Sink = fmt.Sprintf("bigquery:local-project.flex?endpoint=%s&grpc_endpoint=%s", strings.TrimSuffix(b.RESTEndpoint, "/bigquery/v2/"), b.GRPCEndpoint)
	program := workerProgram(t)
	o.Flink.Environment, o.Flink.Parallelism, o.Flink.Worker = environment, 2, program
	if environment == flink.External {
		o.Flink.Worker = workerPool(t)
	}
	r := onCluster(start(t, ready(t, o), nil), c, func() history.Tables { return tablesIn(t, o.Sink) })
	part := func() {
		n := min(len(records), 200)
		s.arrive("s", records[:n])
		records = records[n:]
	}
	part()
	_, first := s.batchOf(s.lines)
	r.read(first.Records)
	if n := r.count().Records.Load(); n != first.Records {
		t.Errorf("%d records were counted before anything was killed, a batch has %d", n, first.Records)
	}
	r.completes(1)
	old := workersOf(t, program)
	if len(old) == 0 {
		t.Fatal("there is no worker")
	}
	if err := syscall.Kill(old[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	before := r.count().Records.Load()
	part()
	more := func() string { return "more records" }
	r.until(func() bool { return r.count().Records.Load() > before }, more)
	before = r.count().Records.Load()
	part()
	c.Kill(r.runsOn()[0])
	r.until(func() bool { return r.count().Records.Load() > before }, more)
	s.arrive("s", records)
	want, sum := s.batch()
	r.settles(want)
	r.stops()
	if d := differ(want, r.tables()); d != "" {
		t.Errorf("after the stop: %.3000s", d)
	}
	if r.sum.Records == 0 || r.sum.Rows["engagements"] != sum.Rows["engagements"] {
		t.Errorf("the job has %+v, a batch %+v", r.sum, sum)
	}
	for i := range taskManagers { // one that lives may keep an idle worker of an attempt that failed
		c.Kill(flinklocal.TaskManager(i))
	}
	r.gone(program)
}

// gone waits until no worker of a program is left.
func (r flinkRun) gone(program string) {
	r.t.Helper()
	left := workersOf(r.t, program)
	for deadline := time.Now().Add(flinkWaits); len(left) > 0; left = workersOf(r.t, program) {
		if time.Now().After(deadline) {
			r.t.Fatalf("workers outlive their job: %v", left)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
