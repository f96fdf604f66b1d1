package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source"
	"flexbeam/runners/prism"
	"flexbeam/transforms/keyed/local"
)

// ahead is a clock that goes like this machine's, and can be put forward.
type ahead struct{ by atomic.Int64 }

func (a *ahead) now() time.Time { return time.Now().Add(time.Duration(a.by.Load())) }

func TestAShardThatTheServiceDoesNotAnswerForFailsTheHealthCheckAndAnIdleOneDoesNot(t *testing.T) {
	f := kinesisfake.New(kinesisfake.Options{})
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.CreateStream("s", 2)
	clock := new(ahead)
	store, _, err := local.Open(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	src, err := source.Open("kinesis:s?endpoint=" + f.URL)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	reading, err := src.(source.Unbounded).Begin(t.Context(), source.Begin{Job: t.Name(), Checkpoint: checkpoint{store}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	reading.(interface{ SetNow(func() time.Time) }).SetNow(clock.now)
	l := &running{Job: &Job{count: telemetry.New(clock.now)}, store: store, control: reading}
	shared := runtime.Start(runtime.Job{ID: t.Name()}, l.count, nil, nil)
	defer shared.End()
	shared.Source = reading

	p, s := beam.NewPipelineWithRoot()
	src.Read(s, source.ReadOptions{Job: t.Name(), Control: reading})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- prism.Run(ctx, p) }()
	defer func() {
		stop()
		<-ended
	}()
	// faults waits until these are all.
	faults := func(want ...string) {
		t.Helper()
		var got []string
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			l.observe()
			got = got[:0]
			for _, f := range l.count.Faults(telemetry.DefaultLimits) {
				got = append(got, f.Check+": "+f.Message)
			}
			if slices.EqualFunc(got, want, strings.HasPrefix) {
				return
			}
		}
		t.Fatalf("faults %q, want %q", got, want)
	}
	answered := func() (n int) {
		l.observe()
		for _, s := range l.count.Shards() {
			if !s.LastPoll().IsZero() {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(patience); answered() < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d shards were answered for", answered())
		}
	}
	faults()
	silent := f.Shards("s")[0].ID
	hold := make(chan struct{})
	fault := f.Inject(kinesisfake.Fault{Operation: "GetRecords", Shard: silent, Hold: hold})
	for fault.Hits() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	clock.by.Add(int64(telemetry.DefaultLimits.Poll + time.Minute))
	faults(fmt.Sprintf("poll: shard %s of s gave no successful poll for 3m", silent))
	fault.Remove()
	close(hold)
	faults()
}

func TestOnlyAJobWithAStateDirectoryHasAStateLogOnDisk(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		clock := new(ahead)
		j := &Job{options: Options{State: dir, Sink: memory(history.NewStore()), Log: slog.New(slog.DiscardHandler)}, count: telemetry.New(clock.now)}
		out, err := sink.Open(t.Context(), j.options.Sink, sink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := &running{Job: j, out: out}
		if err := r.openStore(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if synced := !j.count.StateLog.LastSync().IsZero(); synced != (dir != "") {
			t.Errorf("with the state directory %q: synced %t", dir, synced)
		}
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	}
}
