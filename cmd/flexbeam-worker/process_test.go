package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	"flexbeam/internal/testkit/fakerunner"
)

// patience is how long a test waits for the end of a process.
const patience = time.Minute

// boot starts a worker as a PROCESS environment does, in an empty directory, and returns its end.
func boot(t *testing.T, r *fakerunner.Runner, id string) (dir string, ended <-chan error) {
	t.Helper()
	dir = t.TempDir()
	c := exec.Command(worker(t), "--id="+id, "--provision_endpoint="+r.URL, "--artifact_endpoint="+r.URL, "--semi_persist_dir="+dir)
	c.Dir, c.Env, c.Stderr = dir, append(os.Environ(), "TMPDIR="+dir), os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	t.Cleanup(func() { _ = c.Process.Kill() })
	return dir, done
}

func await(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		t.Fatal("the process does not end")
		return nil
	}
}

func TestWorkerIsItsOwnBootProgramAndEndsWithTheControlStream(t *testing.T) {
	r := fakerunner.Start(t)
	var err error
	r.Info.PipelineOptions, err = structpb.NewStruct(map[string]any{
		"beam:option:go_options:v1": map[string]any{"options": map[string]any{"a": "b"}}, "beam:option:experiments:v1": []any{"beam_fn_api"},
		"beam:option:parallelism:v1": 2, "beam:option:max_bundle_time_mills:v1": "500",
	})
	if err != nil {
		t.Fatal(err)
	}
	dir, ended := boot(t, r, "1-1")
	w := r.Await(t)
	if w.ID != "1-1" || len(r.Asked()) != 1 || r.Asked()[0] != "1-1" {
		t.Errorf("the worker is %q, asked was by %q", w.ID, r.Asked())
	}
	if !w.Answers(t) {
		t.Error("it answers no instruction")
	}
	w.Release()
	if err := await(t, ended); err != nil {
		t.Errorf("it ends with %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) > 0 {
		t.Errorf("it leaves %v, %v", files, err)
	}
}

func TestWorkerEndsWhenItsRunnerIsKilled(t *testing.T) {
	r := fakerunner.Start(t)
	_, ended := boot(t, r, "1-1")
	if w := r.Await(t); !w.Answers(t) {
		t.Error("it answers no instruction")
	}
	r.Kill()
	_ = await(t, ended) // that it ends is what counts
}

func TestWorkerWithoutEndpointsSaysWhatIsMissing(t *testing.T) {
	r := fakerunner.Start(t)
	r.Info.ControlEndpoint = nil
	out, err := exec.Command(worker(t), "--id=1", "--provision_endpoint="+r.URL).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "endpoints of logging and control") {
		t.Errorf("%v: %s", err, out)
	}
	r.Info = nil
	out, err = exec.Command(worker(t), "--id=1", "--provision_endpoint="+r.URL).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "provision service") {
		t.Errorf("%v: %s", err, out)
	}
}

// startPool starts a worker pool on a free port.
func startPool(t *testing.T) (*exec.Cmd, fnpb.BeamFnExternalWorkerPoolClient) {
	t.Helper()
	c := exec.Command(worker(t), "--worker-pool", "localhost:0")
	errs, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	line, err := bufio.NewReader(errs).ReadString('\n')
	_, address, ok := strings.Cut(strings.TrimSpace(line), "address=")
	if err != nil || !ok {
		t.Fatalf("%v: %s", err, line)
	}
	go func() { _, _ = io.Copy(io.Discard, errs) }()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return c, fnpb.NewBeamFnExternalWorkerPoolClient(conn)
}

// startWorker has a pool start a worker for a runner.
func startWorker(t *testing.T, pool fnpb.BeamFnExternalWorkerPoolClient, r *fakerunner.Runner, id string) *fakerunner.Worker {
	t.Helper()
	at := &pipepb.ApiServiceDescriptor{Url: r.URL}
	got, err := pool.StartWorker(context.Background(), &fnpb.StartWorkerRequest{WorkerId: id, ProvisionEndpoint: at, ControlEndpoint: at, LoggingEndpoint: at})
	if err != nil || got.GetError() != "" {
		t.Fatal(err, got.GetError())
	}
	w := r.Await(t)
	if !w.Answers(t) {
		t.Error("the worker answers no instruction")
	}
	return w
}

// A TaskManager that was killed comes again and asks for a worker of the same ID, while the pool may
// still have the old one.
func TestPoolReplacesAWorkerOfTheSameID(t *testing.T) {
	_, pool := startPool(t)
	killed, again := fakerunner.Start(t), fakerunner.Start(t)
	first := startWorker(t, pool, killed, "1-1")
	other := startWorker(t, pool, killed, "1-2")
	killed.Vanish()
	second := startWorker(t, pool, again, "1-1")
	first.AwaitEnd(t)
	if !second.Answers(t) || !other.Answers(t) {
		t.Error("a worker was stopped that nobody replaced")
	}
	if r, err := pool.StopWorker(context.Background(), &fnpb.StopWorkerRequest{WorkerId: "1-1"}); err != nil || r.GetError() != "" {
		t.Error(err, r.GetError())
	}
	second.AwaitEnd(t)
	if !other.Answers(t) {
		t.Error("another worker was stopped")
	}
}

func TestNoWorkerOutlivesItsPool(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			process, pool := startPool(t)
			r := fakerunner.Start(t)
			a, b := startWorker(t, pool, r, "1-1"), startWorker(t, pool, r, "1-2")
			if err := process.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			a.AwaitEnd(t)
			b.AwaitEnd(t)
		})
	}
}
