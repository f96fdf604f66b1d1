// Package fakerunner is the side of a runner that a worker talks to: Beam's services of provision,
// logging and control, on a free port of this machine. It runs no pipeline.
package fakerunner

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
	"google.golang.org/grpc"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// A Runner is a runner that workers find.
type Runner struct {
	fnpb.UnimplementedBeamFnControlServer
	fnpb.UnimplementedBeamFnLoggingServer

	URL  string              // of all its services
	Info *fnpb.ProvisionInfo // what provision answers; nil: nothing

	listener  net.Listener
	server    *grpc.Server
	connected chan *Worker

	mu    sync.Mutex
	asked []string // IDs of the workers that asked for provision
}

// provision is its service of that name.
type provision struct {
	fnpb.UnimplementedProvisionServiceServer
	r *Runner
}

// A Worker is a worker that is connected.
type Worker struct {
	ID   string
	Done <-chan struct{} // closed when its control stream has ended, whoever ended it

	requests chan *fnpb.InstructionRequest
	answers  chan *fnpb.InstructionResponse
	close    chan struct{}
}

// Start starts a runner, which ends with the test.
func Start(t *testing.T) *Runner {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{URL: l.Addr().String(), listener: l, server: grpc.NewServer(), connected: make(chan *Worker, 16)}
	at := &pipepb.ApiServiceDescriptor{Url: r.URL}
	r.Info = &fnpb.ProvisionInfo{ControlEndpoint: at, LoggingEndpoint: at, ArtifactEndpoint: at}
	fnpb.RegisterProvisionServiceServer(r.server, provision{r: r})
	fnpb.RegisterBeamFnControlServer(r.server, r)
	fnpb.RegisterBeamFnLoggingServer(r.server, r)
	go func() { _ = r.server.Serve(l) }() // until it is stopped
	t.Cleanup(r.Kill)
	return r
}

// Kill breaks all connections, as the end of a runner's process does.
func (r *Runner) Kill() { r.server.Stop() }

// Vanish keeps the connections and takes no others, as a machine does that is cut off.
func (r *Runner) Vanish() { _ = r.listener.Close() }

// Asked returns the IDs of the workers that have asked for provision.
func (r *Runner) Asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// GetProvisionInfo implements the service.
func (p provision) GetProvisionInfo(ctx context.Context, _ *fnpb.GetProvisionInfoRequest) (*fnpb.GetProvisionInfoResponse, error) {
	id, err := grpcx.ReadWorkerID(ctx)
	if err != nil {
		return nil, err
	}
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	p.r.asked = append(p.r.asked, id)
	return &fnpb.GetProvisionInfoResponse{Info: p.r.Info}, nil
}

// Logging takes what workers log.
func (r *Runner) Logging(s fnpb.BeamFnLogging_LoggingServer) error {
	for {
		if _, err := s.Recv(); err != nil {
			return err
		}
	}
}

// Control connects a worker.
func (r *Runner) Control(s fnpb.BeamFnControl_ControlServer) error {
	id, err := grpcx.ReadWorkerID(s.Context())
	if err != nil {
		return err
	}
	w := &Worker{
		ID: id, Done: s.Context().Done(),
		requests: make(chan *fnpb.InstructionRequest), answers: make(chan *fnpb.InstructionResponse, 16), close: make(chan struct{}),
	}
	r.connected <- w
	go func() {
		for {
			a, err := s.Recv()
			if err != nil {
				return
			}
			w.answers <- a
		}
	}()
	for {
		select {
		case q := <-w.requests:
			if err := s.Send(q); err != nil {
				return err
			}
		case <-w.close:
			return nil
		case <-w.Done:
			return s.Context().Err()
		}
	}
}

// Await waits for the next worker that connects.
func (r *Runner) Await(t *testing.T) *Worker {
	t.Helper()
	select {
	case w := <-r.connected:
		return w
	case <-time.After(patience):
		t.Fatal("no worker has connected")
		return nil
	}
}

// Answers tells whether the worker answers an instruction.
func (w *Worker) Answers(t *testing.T) bool {
	t.Helper()
	ask := &fnpb.InstructionRequest{InstructionId: "ask", Request: &fnpb.InstructionRequest_MonitoringInfos{MonitoringInfos: &fnpb.MonitoringInfosMetadataRequest{}}}
	late := time.After(patience)
	select {
	case w.requests <- ask:
	case <-w.Done:
		return false
	case <-late:
		return false
	}
	select {
	case a := <-w.answers:
		return a.GetInstructionId() == "ask" && a.GetError() == ""
	case <-w.Done:
	case <-late:
	}
	return false
}

// Release ends the control stream in good order, as a runner does that needs the worker no more.
func (w *Worker) Release() { close(w.close) }

// AwaitEnd waits until the control stream has ended.
func (w *Worker) AwaitEnd(t *testing.T) {
	t.Helper()
	select {
	case <-w.Done:
	case <-time.After(patience):
		t.Fatalf("the worker %s is still connected", w.ID)
	}
}
