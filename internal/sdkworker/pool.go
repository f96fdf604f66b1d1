package sdkworker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
)

// A Pool is Beam's external worker pool: it starts workers when a runner asks for them, and stops
// them.
//
// The runner is each TaskManager of a cluster, and each counts the IDs of its workers by itself. So two
// that have one pool ask for workers of one ID, and both get theirs: they are told apart by where they
// are controlled. One that was killed tells nobody, and the one in its place asks for the same IDs: then
// the new worker takes the place of the old, whose runner takes no connections any more.
type Pool struct {
	fnpb.UnimplementedBeamFnExternalWorkerPoolServer

	Start func(Flags) (Worker, error) // starts a worker: InProcess, or Program.Start
	Log   *slog.Logger                // gets what an operator should know

	mu      sync.Mutex
	workers map[place]Worker
	running sync.WaitGroup // one for each worker that has not ended
	closed  bool
}

// goneWithin is how long a runner may take to take a connection.
const goneWithin = 2 * time.Second

// place is which worker of which runner one is.
type place struct{ id, control string }

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
	for at := range p.workers {
		p.stop(at)
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
	at := place{f.ID, cmp.Or(f.ControlEndpoint, f.ProvisionEndpoint)}
	for _, old := range p.of(f.ID) {
		if old == at || gone(old.control) {
			p.stop(old)
			p.Log.Info("a worker is replaced", "worker", f.ID)
		}
	}
	w, err := p.Start(f)
	if err != nil {
		return refused("worker %s: %v", f.ID, err)
	}
	p.keep(at, w)
	return &fnpb.StartWorkerResponse{}, nil
}

// keep notes a worker that was started, until it ends.
func (p *Pool) keep(at place, w Worker) {
	if p.workers == nil {
		p.workers = map[place]Worker{}
	}
	p.workers[at] = w
	p.Log.Info("a worker was started", "worker", at.id, "in", w)
	p.running.Go(func() {
		err := w.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.workers[at] == w { // nobody has stopped it
			delete(p.workers, at)
			p.Log.Info("a worker has ended", "worker", at.id, "in", w, "error", err)
		}
	})
}

// of returns the workers of an ID.
func (p *Pool) of(id string) (all []place) {
	for at := range p.workers {
		if at.id == id {
			all = append(all, at)
		}
	}
	return all
}

// stop stops a worker.
func (p *Pool) stop(at place) {
	w := p.workers[at]
	delete(p.workers, at)
	w.Stop()
}

// gone tells whether a runner takes no connections any more.
func gone(endpoint string) bool {
	conn, err := net.DialTimeout("tcp", endpoint, goneWithin)
	if err != nil {
		return true
	}
	_ = conn.Close() // it carried nothing
	return false
}

// StopWorker stops a worker. One that is not there has ended by itself. Of several runners' workers of
// one ID it is not known which is meant: each ends when its runner ends its control stream.
func (p *Pool) StopWorker(_ context.Context, r *fnpb.StopWorkerRequest) (*fnpb.StopWorkerResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.of(r.GetWorkerId())
	for _, at := range all {
		if len(all) == 1 || gone(at.control) {
			p.stop(at)
			p.Log.Info("a worker was stopped", "worker", at.id)
		}
	}
	return &fnpb.StopWorkerResponse{}, nil
}
