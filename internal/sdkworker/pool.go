package sdkworker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
)

// A Pool is Beam's external worker pool: it starts workers when a runner asks for them, and stops
// them. A runner that was killed tells nobody, and the one in its place asks for workers of the same
// IDs: then the new one takes the place of the old.
type Pool struct {
	fnpb.UnimplementedBeamFnExternalWorkerPoolServer

	Start func(Flags) (Worker, error) // starts a worker: InProcess, or Program.Start
	Log   *slog.Logger                // gets what an operator should know

	mu      sync.Mutex
	workers map[string]Worker
	running sync.WaitGroup // one for each worker that has not ended
	closed  bool
}

// A Worker is what a pool has started.
type Worker interface {
	// Stop ends the worker, and may be called when it has ended. The worker has nothing to save: what
	// it did since the last checkpoint of the runner is done again.
	Stop()
	// Wait returns when the worker has ended, with why it did. Only one call returns that.
	Wait() error
	// LogValue tells where the worker runs.
	slog.LogValuer
}

// Serve serves runners until ctx ends. Then it stops all workers, waits for them, and returns nil.
func (p *Pool) Serve(ctx context.Context, l net.Listener) error {
	s := grpc.NewServer()
	fnpb.RegisterBeamFnExternalWorkerPoolServer(s, p)
	stop := context.AfterFunc(ctx, s.Stop)
	defer stop()
	p.Log.Info("worker pool", "address", l.Addr().String())
	err := s.Serve(l)
	p.close()
	if ctx.Err() != nil && (err == nil || errors.Is(err, grpc.ErrServerStopped)) {
		return nil
	}
	return fmt.Errorf("worker pool: %w", err)
}

func (p *Pool) close() {
	p.mu.Lock()
	p.closed = true
	for id := range p.workers {
		p.stop(id)
	}
	p.mu.Unlock()
	p.running.Wait()
}

// StartWorker starts a worker. A refusal is part of the answer, as the protocol has it.
func (p *Pool) StartWorker(_ context.Context, r *fnpb.StartWorkerRequest) (*fnpb.StartWorkerResponse, error) {
	refused := func(format string, args ...any) (*fnpb.StartWorkerResponse, error) {
		text := fmt.Sprintf(format, args...)
		p.Log.Warn("a worker was not started", "worker", r.GetWorkerId(), "reason", text)
		return &fnpb.StartWorkerResponse{Error: text}, nil
	}
	f := Flags{
		ID: r.GetWorkerId(), ProvisionEndpoint: r.GetProvisionEndpoint().GetUrl(),
		LoggingEndpoint: r.GetLoggingEndpoint().GetUrl(), ControlEndpoint: r.GetControlEndpoint().GetUrl(),
	}
	switch {
	case f.ID == "":
		return refused("the worker has no ID")
	case f.ProvisionEndpoint == "":
		return refused("worker %s: the provision endpoint is missing", f.ID)
	case r.GetProvisionEndpoint().GetAuthentication() != nil || r.GetControlEndpoint().GetAuthentication() != nil:
		return refused("worker %s: endpoints with authentication are not supported", f.ID)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return refused("worker %s: the pool is being shut down", f.ID)
	}
	if p.stop(f.ID) {
		p.Log.Info("a worker is replaced", "worker", f.ID)
	}
	w, err := p.Start(f)
	if err != nil {
		return refused("worker %s: %v", f.ID, err)
	}
	p.keep(f.ID, w)
	return &fnpb.StartWorkerResponse{}, nil
}

// keep notes a worker that was started, until it ends.
func (p *Pool) keep(id string, w Worker) {
	if p.workers == nil {
		p.workers = map[string]Worker{}
	}
	p.workers[id] = w
	p.Log.Info("a worker was started", "worker", id, "in", w)
	p.running.Go(func() {
		err := w.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.workers[id] == w { // nobody has stopped it
			delete(p.workers, id)
			p.Log.Info("a worker has ended", "worker", id, "in", w, "error", err)
		}
	})
}

// stop stops a worker, and tells whether there was one.
func (p *Pool) stop(id string) bool {
	w := p.workers[id]
	if w == nil {
		return false
	}
	delete(p.workers, id)
	w.Stop()
	return true
}

// StopWorker stops a worker. One that is not there has ended by itself.
func (p *Pool) StopWorker(_ context.Context, r *fnpb.StopWorkerRequest) (*fnpb.StopWorkerResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop(r.GetWorkerId()) {
		p.Log.Info("a worker was stopped", "worker", r.GetWorkerId())
	}
	return &fnpb.StopWorkerResponse{}, nil
}
