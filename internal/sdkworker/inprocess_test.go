package sdkworker

import (
	"context"
	"log/slog"
	"net"
	"testing"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"

	"flexbeam/internal/testkit/fakerunner"
)

// A TaskManager that was killed tells no pool, and the one in its place asks for a worker of the same
// ID. Beam's own pool of goroutines refuses that.
func TestAWorkerInTheProcessTakesThePlaceOfTheOneOfItsID(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	p := &Pool{Start: InProcess, Log: slog.New(slog.DiscardHandler)}
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx, l) }()
	start := func(r *fakerunner.Runner, id string) *fakerunner.Worker {
		t.Helper()
		got, err := p.StartWorker(t.Context(), &fnpb.StartWorkerRequest{WorkerId: id, ProvisionEndpoint: &pipepb.ApiServiceDescriptor{Url: r.URL}})
		if err != nil || got.GetError() != "" {
			t.Fatal(err, got.GetError())
		}
		w := r.Await(t)
		if w.ID != id || !w.Answers(t) {
			t.Errorf("worker %q answers no instruction, or is not %q", w.ID, id)
		}
		return w
	}
	killed, again := fakerunner.Start(t), fakerunner.Start(t)
	first, other := start(killed, "1-1"), start(killed, "1-2")
	beside := start(again, "1-1") // of another TaskManager, which counts its workers by itself
	if !first.Answers(t) || !beside.Answers(t) {
		t.Error("one TaskManager's worker takes the place of another's")
	}
	if r, err := p.StopWorker(t.Context(), &fnpb.StopWorkerRequest{WorkerId: "1-1"}); err != nil || r.GetError() != "" || !first.Answers(t) || !beside.Answers(t) {
		t.Error("a worker was stopped, and it is not known which was meant", err, r.GetError())
	}
	beside.Release()
	beside.AwaitEnd(t)
	killed.Vanish()
	second := start(again, "1-1")
	first.AwaitEnd(t)
	for range 2 { // the second time it is gone
		if r, err := p.StopWorker(t.Context(), &fnpb.StopWorkerRequest{WorkerId: "1-1"}); err != nil || r.GetError() != "" {
			t.Error(err, r.GetError())
		}
	}
	second.AwaitEnd(t)
	if !other.Answers(t) {
		t.Error("another worker was stopped")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the pool ends with %v", err)
	}
	other.AwaitEnd(t)
	if r, err := p.StartWorker(t.Context(), &fnpb.StartWorkerRequest{WorkerId: "1-3", ProvisionEndpoint: &pipepb.ApiServiceDescriptor{Url: again.URL}}); err != nil || r.GetError() == "" {
		t.Errorf("a pool that has ended starts a worker: %v, %v", r, err)
	}
}
