//go:build flink

package pipeline

import (
	"context"
	"errors"
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

// slots are enough for two jobs at a time.
const slots = 4

func startFlink(t *testing.T) *flinklocal.Cluster {
	t.Helper()
	theFlink.Do(func() {
		if theFlink.dir, theFlink.err = os.MkdirTemp("", "flexbeam-flink-"); theFlink.err != nil {
			return
		}
		say := func(text string) { t.Log(text) }
		theFlink.cluster, theFlink.err = flinklocal.Start(context.Background(), flinklocal.Options{Dir: theFlink.dir, Slots: slots, Say: say})
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
	c := startFlink(t)
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

// flinkRun is a job over a stream that runs on the cluster.
type flinkRun struct{ *liveRun }

// settles waits until the tables are these. A machine that is busy takes minutes to start a
// TaskManager and the job's parts again.
func (r flinkRun) settles(want history.Tables) {
	r.t.Helper()
	const patience = 5 * time.Minute
	d := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if d = differ(want, r.store.Tables()); d == "" {
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

func TestAStreamOnFlinkOutlivesKillsOfItsTaskManager(t *testing.T) {
	const kills = 3
	killTaskManagers(t, kills, flink.NewOptions().Parallelism+1)
}

// killTaskManagers streams a day in parts, and kills the TaskManager in the middle of each.
func killTaskManagers(t *testing.T, kills, parallelism int) {
	t.Helper()
	c := startFlink(t)
	records := drawnDay(t, 11, 60, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store := history.NewStore()
	o := onFlink(t)
	o.Source, o.Sink, o.Flink.Parallelism = s.source("s"), memory(store), parallelism
	r := flinkRun{begin(t, o, store)}
	r.read(0)
	for i := range kills {
		n := len(records) / (kills - i + 1)
		s.arrive("s", records[:n])
		records = records[n:]
		before := r.count().Records.Load()
		r.until(func() bool { return r.count().Records.Load() > before }, func() string { return "records of the next part" })
		time.Sleep(time.Duration(i%3) * 700 * time.Millisecond) // some kills are in the middle of a checkpoint
		c.KillTaskManager(0)
	}
	s.arrive("s", records)
	want, sum := s.batch()
	r.settles(want)
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if d := differ(want, store.Tables()); d != "" {
		t.Errorf("after the stop: %.3000s", d)
	}
	if n := r.count().Records.Load(); n < sum.Records {
		t.Errorf("%d records were read of %d", n, sum.Records)
	}
	if r.job.Savepoint() == "" {
		t.Error("the job was not stopped by a savepoint")
	}
}

func TestAStreamOnFlinkGoesOnFromASavepointAtAnotherParallelism(t *testing.T) {
	records := drawnDay(t, 12, 40, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store := history.NewStore()
	o := onFlink(t)
	o.Source, o.Sink, o.Flink.Parallelism = s.source("s"), memory(store), 2
	half := len(records) / 2
	s.arrive("s", records[:half])
	r := flinkRun{begin(t, o, store)}
	r.read(int64(half))
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	path := r.job.Savepoint()
	if path == "" {
		t.Fatal("the job was not stopped by a savepoint")
	}
	s.arrive("s", records[half:])
	want, sum := s.batch()
	o.Flink.Savepoint, o.Flink.Parallelism = path, 1
	r = flinkRun{begin(t, o, store)}
	r.settles(want)
	if err := r.end(); err != nil {
		t.Fatal(err)
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
