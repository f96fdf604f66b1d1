package flink

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// manager is what a TaskManager serves to its workers: it notes who comes and who has gone.
type manager struct {
	fnpb.UnimplementedBeamFnControlServer
	fnpb.UnimplementedProvisionServiceServer
	fnpb.UnimplementedBeamFnLoggingServer
	came, gone chan struct{}
}

func (m *manager) GetProvisionInfo(context.Context, *fnpb.GetProvisionInfoRequest) (*fnpb.GetProvisionInfoResponse, error) {
	return &fnpb.GetProvisionInfoResponse{Info: &fnpb.ProvisionInfo{}}, nil
}

func (m *manager) Control(s fnpb.BeamFnControl_ControlServer) error {
	m.came <- struct{}{}
	<-s.Context().Done()
	m.gone <- struct{}{}
	return nil
}

// startManager starts a manager and returns where it is.
func startManager(t *testing.T) (*manager, *pipepb.ApiServiceDescriptor) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{came: make(chan struct{}, 10), gone: make(chan struct{}, 10)}
	s := grpc.NewServer()
	fnpb.RegisterBeamFnControlServer(s, m)
	fnpb.RegisterProvisionServiceServer(s, m)
	fnpb.RegisterBeamFnLoggingServer(s, m)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return m, &pipepb.ApiServiceDescriptor{Url: l.Addr().String()}
}

func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		t.Fatalf("waited too long: %s", what)
	}
}

func TestAWorkerTakesThePlaceOfTheOneOfItsID(t *testing.T) {
	p, err := servePool(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(p.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := fnpb.NewBeamFnExternalWorkerPoolClient(conn)
	first, at := startManager(t)
	start := func(at *pipepb.ApiServiceDescriptor) {
		t.Helper()
		r, err := c.StartWorker(t.Context(), &fnpb.StartWorkerRequest{WorkerId: "1-1", ControlEndpoint: at, LoggingEndpoint: at, ProvisionEndpoint: at})
		if err != nil || r.GetError() != "" {
			t.Fatalf("%v, %s", err, r.GetError())
		}
	}
	start(at)
	await(t, "the first worker", first.came)
	second, at := startManager(t)
	start(at)
	await(t, "the second worker", second.came)
	await(t, "the end of the first worker", first.gone)

	for range 2 { // one that is gone is stopped
		if r, err := c.StopWorker(t.Context(), &fnpb.StopWorkerRequest{WorkerId: "1-1"}); err != nil || r.GetError() != "" {
			t.Errorf("%v, %s", err, r.GetError())
		}
	}
	await(t, "the end of the second worker", second.gone)
	third, at := startManager(t)
	start(at)
	await(t, "the third worker", third.came)
	p.close()
	await(t, "the end of the third worker", third.gone)
	if r, err := p.StartWorker(t.Context(), &fnpb.StartWorkerRequest{WorkerId: "1-2"}); err != nil || r.GetError() == "" {
		t.Errorf("a pool that is closed starts a worker: %v, %v", r, err)
	}
}
