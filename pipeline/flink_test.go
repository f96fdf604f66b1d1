//go:build flink

package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flexbeam/internal/testkit/flinklocal"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/source/file"
	"flexbeam/runners/flink"
	"flexbeam/runners/flink/flinkrest"
)

// theFlink is a cluster that the tests of this package share. The first of them starts it, and
// TestMain ends it.
var theFlink struct {
	sync.Once
	cluster *flinklocal.Cluster
	dir     string
	err     error
}

// Each TaskManager has slots for a whole job, so that one takes over at once when the other is killed.
const (
	taskManagers = 2
	slots        = 2
)

func startFlink(t *testing.T) *flinklocal.Cluster {
	t.Helper()
	theFlink.Do(func() {
		if theFlink.dir, theFlink.err = os.MkdirTemp("", "flexbeam-flink-"); theFlink.err != nil {
			return
		}
		say := func(text string) { t.Log(text) }
		theFlink.cluster, theFlink.err = flinklocal.Start(context.Background(), flinklocal.Options{Dir: theFlink.dir, TaskManagers: taskManagers, Slots: slots, Say: say})
		afterAll = append(afterAll, func() {
			if theFlink.cluster != nil {
				theFlink.cluster.Stop()
			}
			_ = os.RemoveAll(theFlink.dir)
		})
	})
	if theFlink.err != nil {
		t.Fatal(theFlink.err)
	}
	return theFlink.cluster
}

// onFlink returns options of a job on the cluster, with its transforms in this process.
func onFlink(t *testing.T) Options {
	t.Helper()
	return optionsOn(startFlink(t))
}

func optionsOn(c *flinklocal.Cluster) Options {
	o := flink.NewOptions()
	o.Endpoint, o.REST = c.Endpoint(), c.REST()
	o.CheckpointEvery = time.Second
	return Options{Runner: Flink, Mode: Stream, Flink: o}
}

func TestAReplayOnFlinkGivesTheTablesOfPrismAndOfTheFold(t *testing.T) {
	d := simulated(t)
	source := "file:" + filepath.Join(d.dir, "*.ndjson*")
	prism, got := history.NewStore(), history.NewStore()
	if _, err := run(t.Context(), t, Options{Source: source, Sink: memory(prism), Runner: Prism, Mode: Stream}, file.ChunkSize); err != nil {
		t.Fatal(err)
	}
	o := onFlink(t)
	o.Source, o.Sink, o.Flink.Parallelism = source, memory(got), 2
	sum, err := run(t.Context(), t, o, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if d := history.Diff(d.tables, got.Tables()); d != "" {
		t.Errorf("the fold and Flink: %.3000s", d)
	}
	if d := history.Diff(prism.Tables(), got.Tables()); d != "" {
		t.Errorf("Prism and Flink: %.3000s", d)
	}
	if sum.Records == 0 || sum.Records != sum.Events+sum.Dropped+sum.DeadLetters {
		t.Errorf("%d records are %d events, %d dropped and %d dead letters", sum.Records, sum.Events, sum.Dropped, sum.DeadLetters)
	}
}

// A transform that fails is told with its own words, once the cluster has tried often enough.
func TestAJobThatFailsOnFlinkSaysWhy(t *testing.T) {
	o := onFlink(t)
	o.Source, o.Sink = "file:"+filepath.Join(simulated(t).dir, "1.ndjson"), memory(faulty{Store: history.NewStore(), write: errWrite})
	o.Flink.Restarts = 0
	if _, err := run(t.Context(), t, o, file.ChunkSize); err == nil || !strings.Contains(err.Error(), errWrite.Error()) {
		t.Errorf("got %v", err)
	}
}

// flinkRun is a job over a stream that runs on a cluster.
type flinkRun struct {
	*liveRun
	cluster *flinklocal.Cluster
	tables  func() history.Tables // of its sink
}

// flinkWaits is how long a test waits: a machine that is busy takes minutes to start a TaskManager and the
// job's parts again.
const flinkWaits = 5 * time.Minute

// beginOnFlink starts a live job over a store in this process.
func beginOnFlink(t *testing.T, c *flinklocal.Cluster, o Options, store *history.Store) flinkRun {
	t.Helper()
	return onCluster(begin(t, o, store), c, store.Tables)
}

func onCluster(r *liveRun, c *flinklocal.Cluster, tables func() history.Tables) flinkRun {
	r.waits = flinkWaits
	return flinkRun{r, c, tables}
}

// settles waits until the tables are these.
func (r flinkRun) settles(want history.Tables) {
	r.t.Helper()
	d := ""
	for deadline := time.Now().Add(flinkWaits); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if d = differ(want, r.tables()); d == "" {
			return
		}
		select {
		case <-r.done:
			r.t.Fatalf("the job ended with %v before its tables were those of a batch job", r.err)
		default:
		}
	}
	r.t.Fatalf("the tables are not those of a batch job: %.3000s", d)
}

// stops ends the job by a savepoint, and returns where that is.
func (r flinkRun) stops() string {
	r.t.Helper()
	if err := r.end(); err != nil {
		r.t.Fatal(err)
	}
	path := r.job.Savepoint()
	if path == "" {
		r.t.Fatal("the job was not stopped by a savepoint")
	}
	return path
}

// get reads a page of Flink's REST interface that the client has no use for.
func get(t *testing.T, c *flinklocal.Cluster, path string, out any) {
	t.Helper()
	resp, err := http.Get("http://" + c.REST() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// theJob returns Flink's ID of the job that runs.
func (r flinkRun) theJob() (id string) {
	r.t.Helper()
	client := flinkrest.New(r.cluster.REST())
	r.until(func() bool {
		jobs, err := client.Jobs(r.t.Context())
		for _, j := range jobs {
			if err == nil && j.State == flinkrest.Running {
				id = j.ID
			}
		}
		return id != ""
	}, func() string { return "a job that runs" })
	return id
}

// runsOn returns the names of the TaskManagers that have a part of the job, in their order.
func (r flinkRun) runsOn() (names []string) {
	r.t.Helper()
	job := "/jobs/" + r.theJob()
	var j struct {
		Vertices []struct {
			ID string `json:"id"`
		} `json:"vertices"`
	}
	get(r.t, r.cluster, job, &j)
	there := map[string]bool{}
	for _, v := range j.Vertices {
		var a struct {
			Subtasks []struct {
				TaskManager string `json:"taskmanager-id"`
			} `json:"subtasks"`
		}
		get(r.t, r.cluster, job+"/vertices/"+v.ID, &a)
		for _, s := range a.Subtasks {
			there[s.TaskManager] = true
		}
	}
	for i := range taskManagers {
		for id := range there {
			if strings.HasPrefix(id, flinklocal.TaskManager(i)+"-") {
				names = append(names, flinklocal.TaskManager(i))
			}
		}
	}
	return names
}

// completes waits until so many further checkpoints are complete.
func (r flinkRun) completes(n int) {
	r.t.Helper()
	client, job, first := flinkrest.New(r.cluster.REST()), r.theJob(), -1
	var c flinkrest.Checkpoints
	r.until(func() bool {
		var err error
		if c, err = client.Checkpoints(r.t.Context(), job); err != nil {
			return false
		}
		if first < 0 {
			first = c.Completed
		}
		return c.Completed >= first+n
	}, func() string { return fmt.Sprintf("%d checkpoints behind %d: %+v", n, first, c) })
}

func TestAStreamOnFlinkOutlivesTenKillsOfItsTaskManagers(t *testing.T) { killTaskManagers(t, 10, 2) }

// killTaskManagers streams a day in parts, and kills a TaskManager that has a part of the job in the
// middle of each.
func killTaskManagers(t *testing.T, kills, parallelism int) {
	t.Helper()
	killed(t, parallelism, kills, func(r flinkRun, i int) {
		time.Sleep(time.Duration(i%3) * 700 * time.Millisecond) // some kills are in the middle of a checkpoint
		on := r.runsOn()
		if len(on) == 0 {
			t.Fatal("no TaskManager has a part of the job")
		}
		r.cluster.Kill(on[i%len(on)])
	})
}

// killed streams a day in parts, lets kill do its work in the middle of each, and compares the tables
// with those of a batch job.
func killed(t *testing.T, parallelism, kills int, kill func(r flinkRun, i int)) {
	t.Helper()
	c := startFlink(t)
	records := drawnDay(t, 11, 60, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store := history.NewStore()
	o := onFlink(t)
	o.Source, o.Sink, o.Flink.Parallelism = s.source("s"), memory(store), parallelism
	r := beginOnFlink(t, c, o, store)
	r.read(0)
	for i := range kills {
		n := len(records) / (kills - i + 1)
		s.arrive("s", records[:n])
		records = records[n:]
		before := r.count().Records.Load()
		r.until(func() bool { return r.count().Records.Load() > before }, func() string { return "records of the next part" })
		kill(r, i)
	}
	s.arrive("s", records)
	want, sum := s.batch()
	r.settles(want)
	r.stops()
	if d := differ(want, store.Tables()); d != "" {
		t.Errorf("after the stop: %.3000s", d)
	}
	if n := r.count().Records.Load(); n < sum.Records {
		t.Errorf("%d records were read of %d", n, sum.Records)
	}
}

// Shards are split and merged while nothing runs, and the job that goes on has another parallelism.
// Before, checkpoints are complete though nothing comes.
func TestAStreamOnFlinkGoesOnFromASavepointAtAnotherParallelismOverOtherShards(t *testing.T) {
	goesOn(t, 2, 1)
}

// goesOn stops a job by a savepoint in the middle of a day, and lets one of another parallelism go on.
func goesOn(t *testing.T, before, after int) {
	t.Helper()
	c := startFlink(t)
	records := drawnDay(t, 12, 40, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store := history.NewStore()
	o := onFlink(t)
	o.Source, o.Sink, o.Flink.Parallelism = s.source("s"), memory(store), before
	third := len(records) / 3
	s.arrive("s", records[:third])
	r := beginOnFlink(t, c, o, store)
	r.read(int64(third))
	r.completes(3)
	r.showsWhatAlertsAskFor()
	path := r.stops()
	s.Reshard("s", 3)
	s.arrive("s", records[third:2*third])
	s.Reshard("s", 1)
	s.arrive("s", records[2*third:])
	want, sum := s.batch()
	o.Flink.Savepoint, o.Flink.Parallelism = path, after
	r = beginOnFlink(t, c, o, store)
	r.settles(want)
	r.completes(1)
	r.stops()
	if d := differ(want, store.Tables()); d != "" {
		t.Errorf("after the stop: %.3000s", d)
	}
	if n := r.count().Records.Load(); n >= sum.Records {
		t.Errorf("the second job read %d records of %d: it began anew", n, sum.Records)
	}
	jobs, err := flinkrest.New(o.Flink.REST).Jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if !j.State.Ended() {
			t.Errorf("job %s is %s", j.Name, j.State)
		}
	}
}

func TestAReplayOnFlinkIsCanceledWithItsContext(t *testing.T) {
	o := onFlink(t)
	store := history.NewStore()
	o.Source, o.Sink = "file:"+filepath.Join(simulated(t).dir, "*.ndjson*"), memory(store)
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	j.source.(*file.Source).ChunkSize = 64 << 10 // so many steps that it does not end before
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("the user has had enough")
	go func() {
		for j.Counters().Records.Load() == 0 && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		cancel(enough)
	}()
	if _, err := j.Run(ctx); !errors.Is(err, enough) {
		t.Errorf("the job ended with %v", err)
	}
}
