//go:build flinklong

package pipeline

import (
	"path/filepath"
	"testing"
	"time"

	"flexbeam/internal/testkit/flinklocal"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/source/file"
	"flexbeam/runners/flink/flinkrest"
)

func TestAStreamOnFlinkOutlivesTenKillsOfItsOnlyTaskManager(t *testing.T) { killTaskManagers(t, 10, 1) }

// The job server is needed to submit a job, and for nothing else.
func TestAStreamOnFlinkOutlivesItsJobServer(t *testing.T) {
	killed(t, 2, 2, func(r flinkRun, i int) {
		r.cluster.Kill([]string{flinklocal.JobServer, r.runsOn()[0]}[i])
	})
}

// A JobManager that is not highly available forgets its jobs: the submitter goes on from the last
// checkpoint.
func TestAStreamOnFlinkGoesOnFromItsLastCheckpointWhenTheJobManagerHasForgottenIt(t *testing.T) {
	killed(t, 2, 3, func(r flinkRun, _ int) {
		r.completes(1)
		r.cluster.Kill(flinklocal.JobManager)
	})
}

func TestAStreamOnFlinkGoesOnFromASavepointAtAGreaterParallelism(t *testing.T) { goesOn(t, 1, 2) }

// startOwn starts a cluster for one test, and returns options of a job on it.
func startOwn(t *testing.T, o flinklocal.Options) (*flinklocal.Cluster, Options) {
	t.Helper()
	o.Dir = t.TempDir()
	c, err := flinklocal.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c, optionsOn(c)
}

// With ZooKeeper another JobManager takes over: the job on the cluster stays the same.
func TestAStreamOnFlinkOutlivesAJobManagerThatIsHighlyAvailable(t *testing.T) {
	c, o := startOwn(t, flinklocal.Options{HighAvailability: true})
	records := drawnDay(t, 13, 40, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store := history.NewStore()
	o.Source, o.Sink, o.Flink.Parallelism = s.source("s"), memory(store), 2
	r := beginOnFlink(t, c, o, store)
	half := len(records) / 2
	s.arrive("s", records[:half])
	r.read(int64(half))
	job := r.theJob()
	c.Kill(flinklocal.JobManager)
	s.arrive("s", records[half:])
	want, _ := s.batch()
	r.settles(want)
	if now := r.theJob(); now != job {
		t.Errorf("the job was %s and is %s", job, now)
	}
	c.Kill(flinklocal.JobManager) // and is stopped by a savepoint while no JobManager answers
	r.stops()
	if d := differ(want, store.Tables()); d != "" {
		t.Errorf("after the stop: %.3000s", d)
	}
}

// A stream is renewed again and again: nothing is read twice, and nothing is lost.
func TestAStreamOnFlinkIsRenewed(t *testing.T) {
	c, o := startFlink(t), onFlink(t)
	records := drawnDay(t, 14, 40, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store := history.NewStore()
	o.Source, o.Sink, o.Flink.RenewEvery = s.source("s"), memory(store), 10*time.Second
	r := beginOnFlink(t, c, o, store)
	const renewals = 3
	seen := map[string]bool{}
	for range renewals + 1 {
		n := len(records) / (renewals + 1)
		s.arrive("s", records[:n])
		records = records[n:]
		r.until(func() bool { n := len(seen); seen[r.theJob()] = true; return len(seen) > n }, func() string { return "another job on the cluster" })
	}
	s.arrive("s", records)
	want, sum := s.batch()
	r.settles(want)
	r.stops()
	if n := r.count().Records.Load(); n != sum.Records {
		t.Errorf("%d records were read, %d came", n, sum.Records)
	}
	jobs, err := flinkrest.New(c.REST()).Jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if seen[j.ID] && j.State != flinkrest.Finished {
			t.Errorf("job %s is %s", j.ID, j.State)
		}
	}
}

func TestABatchOnFlinkGivesTheTablesOfTheFold(t *testing.T) {
	d := simulated(t)
	o, got := onFlink(t), history.NewStore()
	o.Mode, o.Source, o.Sink, o.Flink.Parallelism = Batch, "file:"+filepath.Join(d.dir, "*.ndjson*"), memory(got), 2
	if _, err := run(t.Context(), t, o, file.ChunkSize); err != nil {
		t.Fatal(err)
	}
	if d := history.Diff(d.tables, got.Tables()); d != "" {
		t.Errorf("the fold and Flink: %.3000s", d)
	}
}

// RocksDB is an option of the cluster; as one of the job Beam 2.70 does not find its class.
func TestAStreamOnFlinkWithRocksDBOutlivesAKillOfItsTaskManager(t *testing.T) {
	c, o := startOwn(t, flinklocal.Options{TaskManagers: 2, Slots: 1, Config: map[string]string{"state.backend.type": "rocksdb"}})
	records := drawnDay(t, 15, 40, nil)
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store := history.NewStore()
	o.Source, o.Sink, o.Flink.Parallelism = s.source("s"), memory(store), 2
	r := beginOnFlink(t, c, o, store)
	half := len(records) / 2
	s.arrive("s", records[:half])
	r.read(int64(half))
	r.completes(1)
	c.Kill(flinklocal.TaskManager(1))
	s.arrive("s", records[half:])
	want, _ := s.batch()
	r.settles(want)
	r.stops()
	if d := differ(want, store.Tables()); d != "" {
		t.Errorf("after the stop: %.3000s", d)
	}
}

// Beam 2.70 adds a state to a job with each look at a shard (apache/beam issue 27648), and a job that goes
// on from a savepoint uses the names of these again: so renewals bound the checkpoints of a stream.
func TestCheckpointsOfAnIdleStreamOnFlinkAreBounded(t *testing.T) {
	c, o := startFlink(t), onFlink(t)
	s := newService(t, history.Start)
	s.CreateStream("s", 2)
	store := history.NewStore()
	o.Source, o.Sink, o.Flink.RenewEvery = s.source("s"), memory(store), 40*time.Second
	r := beginOnFlink(t, c, o, store)
	const jobs = 5
	client := flinkrest.New(c.REST())
	var order []string
	first, largest := map[string]int64{}, map[string]int64{}
	for deadline := time.Now().Add(8 * time.Minute); len(order) < jobs; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %d jobs: there were %q", jobs, order)
		}
		all, err := client.Jobs(t.Context())
		if err != nil {
			continue
		}
		for _, j := range all {
			p, err := client.Checkpoints(t.Context(), j.ID)
			if err != nil || j.State != flinkrest.Running || p.Last == nil {
				continue
			}
			if first[j.ID] == 0 {
				order, first[j.ID] = append(order, j.ID), p.Last.Bytes
			}
			largest[j.ID] = max(largest[j.ID], p.Last.Bytes)
		}
	}
	r.stops()
	for i, id := range order {
		t.Logf("job %d: checkpoints of %d up to %d bytes", i+1, first[id], largest[id])
	}
	if began, grown := first[order[0]], largest[order[0]]; grown < began+began/4 {
		t.Errorf("the first job's checkpoints grew from %d to %d bytes only: is issue 27648 fixed? Then renewals are needed no more", began, grown)
	}
	if second, last := largest[order[1]], largest[order[jobs-2]]; last > second+second/3 {
		t.Errorf("checkpoints grow over renewals: %d bytes in the second job, %d in the last but one", second, last)
	}
}
