package sdkworker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"sync"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
)

// A Pool is Beam's external worker pool: it starts workers when a runner asks for them, each as a
// process of its own, and stops them. A runner that was killed asks for a worker of the same ID again:
// then the new one takes the place of the old.
type Pool struct {
	fnpb.UnimplementedBeamFnExternalWorkerPoolServer

	Program string       // becomes a worker when it is started with the flags of one
	Env     []string     // of the workers; nil: that of this process
	Output  io.Writer    // gets what workers write; nil: nobody does
	Log     *slog.Logger // gets what an operator should know

	mu      sync.Mutex
	workers map[string]*child
	closed  bool
}

// child is a worker.
type child struct {
	cmd   *exec.Cmd
	leash io.Closer // its standard input
	ended chan struct{}
}

// Serve serves runners until ctx ends. Then it stops all workers and returns nil.
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
	defer p.mu.Unlock()
	p.closed = true
	for id := range p.workers {
		p.stop(id)
	}
}

// StartWorker starts a worker. A refusal is part of the answer, as the protocol has it.
func (p *Pool) StartWorker(_ context.Context, r *fnpb.StartWorkerRequest) (*fnpb.StartWorkerResponse, error) {
	refused := func(format string, args ...any) (*fnpb.StartWorkerResponse, error) {
		text := fmt.Sprintf(format, args...)
		p.Log.Warn("a worker was not started", "worker", r.GetWorkerId(), "reason", text)
		return &fnpb.StartWorkerResponse{Error: text}, nil
	}
	id, endpoint := r.GetWorkerId(), r.GetProvisionEndpoint()
	switch {
	case id == "":
		return refused("the worker has no ID")
	case endpoint.GetUrl() == "":
		return refused("worker %s: the provision endpoint is missing", id)
	case endpoint.GetAuthentication() != nil || r.GetControlEndpoint().GetAuthentication() != nil:
		return refused("worker %s: endpoints with authentication are not supported", id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return refused("worker %s: the pool is being shut down", id)
	}
	if p.stop(id) {
		p.Log.Info("a worker is replaced", "worker", id)
	}
	if err := p.start(id, r); err != nil {
		return refused("worker %s: %v", id, err)
	}
	return &fnpb.StartWorkerResponse{}, nil
}

// start starts the process of a worker.
func (p *Pool) start(id string, r *fnpb.StartWorkerRequest) error {
	cmd := exec.Command(p.Program, "--leash", "--id="+id, "--provision_endpoint="+r.GetProvisionEndpoint().GetUrl(),
		"--logging_endpoint="+r.GetLoggingEndpoint().GetUrl(), "--control_endpoint="+r.GetControlEndpoint().GetUrl())
	cmd.Env, cmd.Stdout, cmd.Stderr = p.Env, p.Output, p.Output
	leash, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c := &child{cmd: cmd, leash: leash, ended: make(chan struct{})}
	if p.workers == nil {
		p.workers = map[string]*child{}
	}
	p.workers[id] = c
	p.Log.Info("a worker was started", "worker", id, "process", cmd.Process.Pid)
	go func() {
		err := cmd.Wait()
		close(c.ended)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.workers[id] == c { // nobody has stopped it
			delete(p.workers, id)
			p.Log.Info("a worker has ended", "worker", id, "process", cmd.Process.Pid, "error", err)
		}
	}()
	return nil
}

// stop kills the process of a worker and waits for its end, and tells whether there was one. A worker
// has nothing to save: what it did since the last checkpoint of the runner is done again.
func (p *Pool) stop(id string) bool {
	c := p.workers[id]
	if c == nil {
		return false
	}
	delete(p.workers, id)
	_ = c.leash.Close()
	_ = c.cmd.Process.Kill() // it may have ended
	<-c.ended
	return true
}

// StopWorker stops a worker.
func (p *Pool) StopWorker(_ context.Context, r *fnpb.StopWorkerRequest) (*fnpb.StopWorkerResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stop(r.GetWorkerId()) { // it has ended by itself
		return &fnpb.StopWorkerResponse{}, nil
	}
	p.Log.Info("a worker was stopped", "worker", r.GetWorkerId())
	return &fnpb.StopWorkerResponse{}, nil
}
