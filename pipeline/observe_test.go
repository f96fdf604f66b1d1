package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/kinesisfake"
	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/source/kinesis"
	"flexbeam/runners/prism"
	"flexbeam/transforms/keyed"
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
	control := kinesis.NewControl(t.Name())
	defer control.Close()
	control.Now, control.Report = clock.now, func(string, string, error) {}
	l := &liveJob{Job: &Job{count: telemetry.New(clock.now)}, store: keyed.NewStore(), control: control}

	p, s := beam.NewPipelineWithRoot()
	kinesis.Read(s, []kinesis.Stream{{Name: "s", Endpoint: f.URL}}, kinesis.WithControl(t.Name()))
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
