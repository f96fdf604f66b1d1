package flink

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/apache/beam/sdks/v2/go/container/tools"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
	"google.golang.org/grpc"
)

// pool serves the environment loopback: it starts workers as goroutines of this process.
//
// Beam has one like it, which refuses a worker whose ID it knows. But a TaskManager that was killed
// tells nobody, and the one in its place asks for the same IDs: here, the later worker takes the
// place of the earlier.
type pool struct {
	fnpb.UnimplementedBeamFnExternalWorkerPoolServer

	addr   string // HOST:PORT
	server *grpc.Server
	ctx    context.Context // ends with the pool
	cancel context.CancelFunc
	log    *slog.Logger

	mu      sync.Mutex
	workers map[string]context.CancelFunc // by ID; nil once the pool is closed
	running sync.WaitGroup
}

// servePool serves a pool on a free port of the loopback interface.
func servePool(log *slog.Logger) (*pool, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve workers: %w", err)
	}
	p := &pool{addr: l.Addr().String(), server: grpc.NewServer(), log: log, workers: map[string]context.CancelFunc{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	fnpb.RegisterBeamFnExternalWorkerPoolServer(p.server, p)
	go func() {
		if err := p.server.Serve(l); err != nil {
			log.Warn("flink: the pool of workers ended", "error", err)
		}
	}()
	return p, nil
}

// StartWorker implements Beam's pool of workers.
func (p *pool) StartWorker(_ context.Context, r *fnpb.StartWorkerRequest) (*fnpb.StartWorkerResponse, error) {
	id := r.GetWorkerId()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers == nil {
		return &fnpb.StartWorkerResponse{Error: "the pool of workers is closed"}, nil
	}
	if stop := p.workers[id]; stop != nil {
		stop()
	}
	ctx, stop := context.WithCancel(grpcx.WriteWorkerID(p.ctx, id))
	p.workers[id] = stop
	p.running.Go(func() {
		var o harness.Options
		if info, err := tools.ProvisionInfo(ctx, r.GetProvisionEndpoint().GetUrl()); err == nil {
			o.RunnerCapabilities = info.GetRunnerCapabilities()
		}
		err := harness.MainWithOptions(ctx, r.GetLoggingEndpoint().GetUrl(), r.GetControlEndpoint().GetUrl(), o)
		if err != nil && ctx.Err() == nil {
			p.log.Debug("flink: a worker lost its TaskManager", "worker", id, "error", err)
		}
	})
	return &fnpb.StartWorkerResponse{}, nil
}

// StopWorker implements Beam's pool of workers. A worker that is not there is stopped already.
func (p *pool) StopWorker(_ context.Context, r *fnpb.StopWorkerRequest) (*fnpb.StopWorkerResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stop := p.workers[r.GetWorkerId()]; stop != nil {
		stop()
		delete(p.workers, r.GetWorkerId())
	}
	return &fnpb.StopWorkerResponse{}, nil
}

// close ends all workers.
func (p *pool) close() {
	p.mu.Lock()
	p.workers = nil
	p.mu.Unlock()
	p.cancel()
	p.server.Stop()
	p.running.Wait()
}
