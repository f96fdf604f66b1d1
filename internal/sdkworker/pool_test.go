package sdkworker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// asWorker makes this program the one that a pool starts: it says so, with its flags, and waits.
const asWorker = "FLEXBEAM_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) == "" {
		os.Exit(m.Run())
	}
	f, err := ParseFlags(os.Args[1:])
	fmt.Printf("%s %s %v %v\n", f.ID, f.ProvisionEndpoint, f.Leash, err)
	if f.ID == "ends" {
		os.Exit(3)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// a pool with its client.
type served struct {
	fnpb.BeamFnExternalWorkerPoolClient
	lines *bufio.Scanner // what workers write
	log   log
	stop  context.CancelFunc
	ended chan error
}

// log is lines that goroutines write.
type log chan string

func (l log) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// await waits until a text is logged.
func (l log) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case line := <-l:
			if strings.Contains(line, text) {
				return
			}
		case <-late:
			t.Fatalf("%q is not logged", text)
		}
	}
}

func serve(t *testing.T) *served {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	s := &served{lines: bufio.NewScanner(r), log: make(log, 100), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	program := Program{Path: os.Args[0], Env: append(os.Environ(), asWorker+"=1"), Output: w}
	p := &Pool{Start: program.Start, Log: slog.New(slog.NewTextHandler(s.log, nil))}
	go func() { s.ended <- p.Serve(ctx, l) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	s.BeamFnExternalWorkerPoolClient = fnpb.NewBeamFnExternalWorkerPoolClient(conn)
	t.Cleanup(func() { stop(); _ = conn.Close(); _ = w.Close() })
	return s
}

// start starts a worker and returns what the pool refuses it for.
func (s *served) start(t *testing.T, id, provision string) string {
	t.Helper()
	r, err := s.StartWorker(context.Background(), &fnpb.StartWorkerRequest{
		WorkerId: id, ProvisionEndpoint: &pipepb.ApiServiceDescriptor{Url: provision}, ControlEndpoint: &pipepb.ApiServiceDescriptor{Url: "localhost:2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetError()
}

func (s *served) line(t *testing.T) string {
	t.Helper()
	if !s.lines.Scan() {
		t.Fatal("no worker writes")
	}
	return s.lines.Text()
}

func TestAPoolStartsReplacesAndStopsWorkers(t *testing.T) {
	s := serve(t)
	for i, provision := range []string{"localhost:1", "localhost:3"} {
		if refused := s.start(t, "1-1", provision); refused != "" {
			t.Fatal(refused)
		}
		if got, want := s.line(t), "1-1 "+provision+" true <nil>"; got != want {
			t.Errorf("the worker says %q, want %q", got, want)
		}
		if i == 1 {
			s.log.await(t, "a worker is replaced")
		}
	}
	for range 2 { // the second time it has ended
		if r, err := s.StopWorker(context.Background(), &fnpb.StopWorkerRequest{WorkerId: "1-1"}); err != nil || r.GetError() != "" {
			t.Errorf("stop: %v, %s", err, r.GetError())
		}
	}
	s.log.await(t, "a worker was stopped")
	if refused := s.start(t, "ends", "localhost:1"); refused != "" {
		t.Fatal(refused)
	}
	s.line(t)
	s.log.await(t, `error="exit status 3"`)
	s.stop()
	if err := <-s.ended; err != nil {
		t.Errorf("the pool ends with %v", err)
	}
}

func TestAPoolRefusesWhatItCannotStart(t *testing.T) {
	s := serve(t)
	for _, test := range []struct{ id, provision, want string }{
		{"", "localhost:1", "no ID"}, {"1-1", "", "provision endpoint"},
	} {
		if refused := s.start(t, test.id, test.provision); !strings.Contains(refused, test.want) {
			t.Errorf("%+v: %q", test, refused)
		}
	}
	r, err := s.StartWorker(context.Background(), &fnpb.StartWorkerRequest{
		WorkerId: "1", ProvisionEndpoint: &pipepb.ApiServiceDescriptor{Url: "localhost:1", Authentication: &pipepb.AuthenticationSpec{Urn: "oauth"}},
	})
	if err != nil || !strings.Contains(r.GetError(), "authentication") {
		t.Errorf("with authentication: %v, %q", err, r.GetError())
	}
}
