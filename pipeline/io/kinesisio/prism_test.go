package kinesisio_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/source/kinesis/control"
	"flexbeam/runners/prism"
)

func TestMain(m *testing.M) {
	beam.Init()
	m.Run()
}

func init() {
	beam.RegisterDoFn(&collectFn{})
	beam.RegisterDoFn(&awaitFn{})
	beam.RegisterDoFn(&firedFn{})
	beam.RegisterDoFn(&keepFn{})
	register.Emitter2[string, int64]()
	register.Emitter1[int64]()
	beam.RegisterType(reflect.TypeFor[jobFinder]())
}

// collectFn gives the batches of a job to its test, and the arrival of each record to a transform
// with a timer.
type collectFn struct{ Job string }

func (fn *collectFn) ProcessElement(_ context.Context, at beam.EventTime, b kinesisio.Batch, emit func(string, int64)) {
	v, _ := running.Load(fn.Job)
	v.(*job).add(int64(at), b)
	for i := range b.Records() {
		emit(fmt.Sprint(b.Stream, b.Sequences[i]), b.Arrivals[i])
	}
}

// awaitFn sets a timer at the arrival of each record.
type awaitFn struct {
	Arrived state.Value[int64]
	Timer   timers.EventTime
}

func (fn *awaitFn) ProcessElement(_ beam.EventTime, p state.Provider, tp timers.Provider, _ string, at int64, _ func(int64)) {
	_ = fn.Arrived.Write(p, at) // fails with the job
	fn.Timer.Set(tp, time.UnixMilli(at))
}

func (fn *awaitFn) OnTimer(_ context.Context, _ beam.EventTime, p state.Provider, _ timers.Provider, _ string, _ timers.Context, emit func(int64)) {
	at, _, _ := fn.Arrived.Read(p)
	emit(at)
}

// firedFn counts timers.
type firedFn struct{ Job string }

func (fn *firedFn) ProcessElement(int64) {
	v, _ := running.Load(fn.Job)
	v.(*job).fire()
}

var (
	running sync.Map // jobs by name
	number  atomic.Int64
)

// job is a running job that reads.
type job struct {
	t       *testing.T
	control *control.Control
	stop    context.CancelFunc
	done    chan error

	mu      sync.Mutex
	batches []kinesisio.Batch
	fired   int
	changed chan struct{}
}

// start starts a job on Prism.
func start(t *testing.T, streams []kinesisio.Stream, opts ...kinesisio.ReadOptionFn) *job {
	t.Helper()
	name := fmt.Sprintf("prism-%d", number.Add(1))
	j := &job{t: t, control: newControl(streams), done: make(chan error, 1), changed: make(chan struct{})}
	running.Store(name, j)
	p, s := beam.NewPipelineWithRoot()
	arrivals := beam.ParDo(s, &collectFn{Job: name}, kinesisio.ReadAllBatches(s, beam.CreateList(s, streams), append(opts, kinesisio.ReadIdle(), kinesisio.ReadController(jobFinder{name}))...))
	beam.ParDo0(s, &firedFn{Job: name}, beam.ParDo(s, &awaitFn{Arrived: state.MakeValueState[int64]("arrived"), Timer: timers.InEventTime("timer")}, arrivals))
	ctx, stop := context.WithCancel(context.Background())
	j.stop = stop
	go func() { j.done <- prism.Run(ctx, p) }()
	t.Cleanup(j.end)
	return j
}

func newControl(streams []kinesisio.Stream) *control.Control {
	var ids []string
	for _, s := range streams {
		ids = append(ids, s.ID())
	}
	return control.New(ids, control.Unknown)
}

// jobFinder finds the controller of a job.
type jobFinder struct{ Name string }

func (f jobFinder) FindController() kinesisio.Controller {
	if v, ok := running.Load(f.Name); ok {
		return v.(*job).control
	}
	return nil
}

// end ends the job.
func (j *job) end() {
	if j.stop == nil {
		return
	}
	if err := j.control.Close(); err != nil {
		j.t.Error(err)
	}
	j.stop()
	<-j.done
	j.stop = nil
}

func (j *job) add(_ int64, b kinesisio.Batch) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.batches = append(j.batches, b)
	j.change()
}

func (j *job) fire() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fired++
	j.change()
}

func (j *job) change() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// until waits until so many records were handed on and so many timers have fired.
func (j *job) until(records, fired int) {
	j.t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		j.mu.Lock()
		n, f, changed := len(texts(j.batches)), j.fired, j.changed
		j.mu.Unlock()
		if n >= records && f >= fired {
			return
		}
		select {
		case <-changed:
		case err := <-j.done:
			j.done <- err
			j.t.Fatalf("the job ended: %v", err)
		case <-deadline:
			j.t.Fatalf("%d records and %d timers so far: waited too long for %d and %d", n, f, records, fired)
		}
	}
}

func texts(batches []kinesisio.Batch) (all []string) {
	for i := range batches {
		for _, r := range batches[i].Records() {
			all = append(all, string(r))
		}
	}
	return all
}

func fake(t *testing.T) *kinesisfake.Server {
	t.Helper()
	f := kinesisfake.New(kinesisfake.Options{})
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func TestOnPrismTimersFireWhateverTheShardsDo(t *testing.T) {
	f := fake(t)
	f.CreateStream("s", 3)
	f.CreateStream("other", 1) // with a shard of the same id, that stays idle
	j := start(t, []kinesisio.Stream{{Name: "s", Endpoint: f.URL}, {Name: "other", Endpoint: f.URL}})
	var want []string
	burst := func(n int) {
		for i := range n {
			text := fmt.Sprintf("record %d", len(want))
			want = append(want, text)
			f.PutTexts("s", fmt.Sprint(i), text)
		}
		j.until(len(want), len(want))
	}
	burst(100)
	for _, shard := range f.Shards("s") {
		f.Split("s", shard.ID)
	}
	burst(1)
	f.Reshard("s", 2)
	burst(1000)
	got := texts(j.batches)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// records are those that the job of a test read with Read, by its name.
var records sync.Map

// keepFn gives each record to its test.
type keepFn struct{ Job string }

func (fn *keepFn) ProcessElement(at beam.EventTime, r kinesisio.Record) {
	if at.Milliseconds() != r.ApproximateArrival.UnixMilli() {
		r.Data = fmt.Appendf(nil, "%s at %d, and arrived at %d", r.Data, at, r.ApproximateArrival.UnixMilli())
	}
	if v, ok := records.Load(fn.Job); ok {
		v.(chan kinesisio.Record) <- r
	}
}

func TestOnPrismReadGivesEachRecordWithItsKey(t *testing.T) {
	f := fake(t)
	f.CreateStream("s", 1)
	places := f.PutTexts("s", "key", "a", "b")
	name := t.Name()
	found := make(chan kinesisio.Record, 10)
	records.Store(name, found)
	defer records.Delete(name)
	p, s := beam.NewPipelineWithRoot()
	beam.ParDo0(s, &keepFn{Job: name}, kinesisio.Read(s, "s", kinesisio.ReadEndpoint(f.URL)))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- prism.Run(ctx, p) }()
	for i, want := range []string{"a", "b"} {
		select {
		case r := <-found:
			got := []string{r.Stream, r.Shard, r.SequenceNumber, fmt.Sprint(r.SubSequence), r.PartitionKey, string(r.Data), r.After().Sequence}
			number := places[i].SequenceNumber
			if diff := cmp.Diff([]string{"s", places[i].Shard, number, "-1", "key", want, number}, got); diff != "" {
				t.Errorf("record %d (-want +got):\n%s", i, diff)
			}
		case err := <-done:
			t.Fatalf("the job ended: %v", err)
		case <-time.After(time.Minute):
			t.Fatal("waited too long for a record")
		}
	}
	stop()
	<-done
}

func TestOnPrismADrainLetsTimersFireForAllThatWasHandedOn(t *testing.T) {
	f := fake(t)
	f.CreateStream("s", 2)
	shards := f.Shards("s")
	f.Inject(kinesisfake.Fault{Operation: "GetRecords", Shard: shards[0].ID, Error: "InternalFailureException"})
	j := start(t, []kinesisio.Stream{{Name: "s", Endpoint: f.URL}})
	for range 10 {
		f.Put("s", kinesisfake.Record{ExplicitHashKey: shards[1].HashKey, Data: []byte("record")})
	}
	j.until(10, 0)
	if err := j.control.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.until(10, 10)
	f.Put("s", kinesisfake.Record{ExplicitHashKey: shards[1].HashKey, Data: []byte("later")})
	for _, s := range j.control.Shards() {
		if s.Watermark > time.Now().UnixMilli() && s.Watermark != math.MaxInt64 {
			t.Errorf("watermark of %s: %d is ahead of time", s.Shard, s.Watermark)
		}
	}
}
