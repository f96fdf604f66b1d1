package kinesis_test

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/kinesisfake"
	"flexbeam/pipeline/source/kinesis"
	"flexbeam/runners/prism"
)

func TestMain(m *testing.M) {
	os.Setenv("AWS_ACCESS_KEY_ID", "test")
	os.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	os.Setenv("AWS_REGION", "us-east-1")
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	beam.Init()
	os.Exit(m.Run())
}

func init() {
	register.DoFn3x0[context.Context, beam.EventTime, kinesis.Batch](&collectFn{})
	beam.RegisterType(reflect.TypeOf((*collectFn)(nil)).Elem())
}

// collectFn gives the batches of a job to its test.
type collectFn struct{ Job string }

func (fn *collectFn) ProcessElement(_ context.Context, et beam.EventTime, b kinesis.Batch) {
	v, _ := collectors.Load(fn.Job)
	v.(*job).add(int64(et), b)
}

var (
	collectors sync.Map // by name of the job
	jobs       atomic.Int64
)

// job is a running job that reads.
type job struct {
	t       *testing.T
	Control *kinesis.Control
	stop    context.CancelFunc
	done    chan error

	mu        sync.Mutex
	batches   []kinesis.Batch
	times     []int64
	positions map[string]kinesis.Position
	changed   chan struct{}
}

// start starts a job on Prism.
func start(t *testing.T, streams []kinesis.Stream, opts ...kinesis.ReadOption) *job {
	t.Helper()
	name := fmt.Sprintf("job-%d", jobs.Add(1))
	j := &job{t: t, Control: kinesis.NewControl(name), done: make(chan error, 1), positions: map[string]kinesis.Position{}, changed: make(chan struct{})}
	collectors.Store(name, j)
	p, s := beam.NewPipelineWithRoot()
	beam.ParDo0(s, &collectFn{Job: name}, kinesis.Read(s, streams, append(opts, kinesis.WithControl(name))...))
	ctx, stop := context.WithCancel(context.Background())
	j.stop = stop
	go func() { j.done <- prism.Run(ctx, p) }()
	t.Cleanup(j.end)
	return j
}

// end ends the job.
func (j *job) end() {
	if j.stop == nil {
		return
	}
	j.Control.Close()
	j.stop()
	<-j.done
	j.stop = nil
}

func (j *job) add(at int64, b kinesis.Batch) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.batches = append(j.batches, b)
	j.times = append(j.times, at)
	j.positions[kinesis.Key(b.Stream, b.Shard)] = b.Position
	close(j.changed)
	j.changed = make(chan struct{})
}

// until waits for a condition over the batches so far.
func (j *job) until(what string, ok func([]kinesis.Batch) bool) []kinesis.Batch {
	j.t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		j.mu.Lock()
		batches, changed := j.batches, j.changed
		j.mu.Unlock()
		if ok(batches) {
			return batches
		}
		select {
		case <-changed:
		case err := <-j.done:
			j.done <- err
			j.t.Fatalf("the job ended before %s: %v", what, err)
		case <-deadline:
			j.t.Fatalf("waited too long for %s", what)
		}
	}
}

// records returns the records of batches.
func records(batches []kinesis.Batch) (all []string) {
	for i := range batches {
		for _, r := range batches[i].Records() {
			all = append(all, string(r))
		}
	}
	return all
}

func newFake(t *testing.T, o kinesisfake.Options) *kinesisfake.Server {
	t.Helper()
	s := kinesisfake.New(o)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
