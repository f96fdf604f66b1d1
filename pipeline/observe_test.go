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

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/sink"
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
	store, _, err := keyed.OpenStore("", keyed.Sink{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	l := &liveJob{Job: &Job{count: telemetry.New(clock.now)}, store: store, control: control}

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

func TestOnlyAJobWithAStateDirectoryHasAStateLogOnDisk(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		clock := new(ahead)
		j := &Job{options: Options{State: dir, Sink: memory(history.NewStore()), Log: slog.New(slog.DiscardHandler)}, count: telemetry.New(clock.now)}
		out, err := sink.Open(t.Context(), j.options.Sink, sink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		store, _, err := j.openStore(t.Context(), out)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&liveJob{Job: j, store: store, out: out}).keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if synced := !j.count.StateLog.LastSync().IsZero(); synced != (dir != "") {
			t.Errorf("with the state directory %q: synced %t", dir, synced)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAStreamThatIsReadNoLongerDoesNotHoldTheTimeUpToWhichAllWasRead(t *testing.T) {
	read := []kinesis.Stream{{Name: "a"}, {Name: "b", As: "eu-west-1/b"}}
	tests := []struct {
		name      string
		positions map[string]kinesis.Position
		want      int64
		known     bool
	}{
		{"the least of its own", map[string]kinesis.Position{"a/0": {UpTo: 7}, "a/1": {UpTo: 5}, "eu-west-1/b/0": {UpTo: 6}}, 5, true},
		{"a closed one", map[string]kinesis.Position{"a/0": {UpTo: 7}, "a/1": {UpTo: 5, Done: true}}, 7, true},
		{"another stream", map[string]kinesis.Position{"a/0": {UpTo: 7}, "c/0": {UpTo: 3}, "eu-west-1/c/0": {UpTo: 3}}, 7, true},
		{"another stream whose name begins alike", map[string]kinesis.Position{"a/0": {UpTo: 7}, "ab/0": {UpTo: 3}, "a/b/0": {UpTo: 3}}, 7, true},
		{"only others", map[string]kinesis.Position{"c/0": {UpTo: 3}}, 0, false},
		{"one that is not known", map[string]kinesis.Position{"a/0": {UpTo: 7}, "a/1": {}}, 0, false},
	}
	for _, tt := range tests {
		if got, known := lowest(tt.positions, read); known != tt.known || known && got != tt.want {
			t.Errorf("%s: %d, %t, want %d, %t", tt.name, got, known, tt.want, tt.known)
		}
	}
}
