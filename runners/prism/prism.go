// Package prism runs a pipeline in this process with Prism, Beam's portable runner: with state, timers and watermarks, as
// the large runners have them. It keeps everything in memory and nothing over a restart.
package prism

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	beamprism "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
)

// startUp is how long a job may take until its worker runs.
const startUp = 3 * time.Second

// server is the job server of this process; all pipelines share it.
var server struct {
	sync.Mutex
	client jobpb.JobServiceClient
}

// Run runs a pipeline to its end. When ctx ends it cancels the job through the job service: a context that is canceled under
// a running job makes Prism panic.
func Run(ctx context.Context, p *beam.Pipeline) error {
	client, err := start()
	if err != nil {
		return fmt.Errorf("prism: start the job server: %w", err)
	}
	before, err := running(client)
	if err != nil {
		return fmt.Errorf("prism: list jobs: %w", err)
	}
	begun := time.Now()
	done := make(chan error, 1)
	go func() {
		_, err := beam.Run(context.WithoutCancel(ctx), "prism", p)
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		cancel(client, before, begun, done)
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("prism: %w", err)
	}
	return nil
}

// start starts the job server once, on a free loopback port.
func start() (jobpb.JobServiceClient, error) {
	server.Lock()
	defer server.Unlock()
	if server.client != nil {
		return server.client, nil
	}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	client, err := beamprism.CreateJobServer(context.Background(), beamprism.Options{Port: port})
	if err != nil {
		return nil, err
	}
	*jobopts.Endpoint = fmt.Sprintf("localhost:%d", port)
	*jobopts.EnvironmentType = "loopback"
	// Prism splits a slow bundle with timers wrongly: some fire twice (apache/beam issue 35771). The transforms divide their
	// elements themselves, so nothing is lost without splits.
	*jobopts.Experiments = "prism_disable_sdf_split"
	server.client = client
	return client, nil
}

// running returns the ids of the jobs that the server knows.
func running(client jobpb.JobServiceClient) (map[string]bool, error) {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	r, err := client.GetJobs(ctx, &jobpb.GetJobsRequest{})
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, j := range r.GetJobInfo() {
		ids[j.GetJobId()] = true
	}
	return ids, nil
}

// cancel cancels the jobs that began since before and waits for this one's end, but not for ever: a transform that hangs
// must not keep the process.
func cancel(client jobpb.JobServiceClient, before map[string]bool, begun time.Time, done <-chan error) {
	deadline := time.After(20 * time.Second)
	// A job that is canceled before its worker has started makes Prism panic: give it the time to start.
	select {
	case <-done:
		return
	case <-time.After(startUp - time.Since(begun)):
	}
	for {
		ids, err := running(client)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return
		}
		for id := range ids {
			if before[id] {
				continue
			}
			ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
			_, _ = client.Cancel(ctx, &jobpb.CancelJobRequest{JobId: id}) // tried again below
			stop()
		}
		select {
		case <-done:
			return
		case <-deadline:
			return
		case <-time.After(300 * time.Millisecond):
		}
	}
}
