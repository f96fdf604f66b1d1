// Package prism runs a pipeline in this process with Prism, Beam's portable runner: with state,
// timers and watermarks, as the large runners have them. It keeps everything in memory and nothing
// over a restart.
package prism

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/runnerlib"

	"flexbeam/runners"
)

// Capabilities are what the runner can do.
var Capabilities = runners.Capabilities{Unbounded: true, State: true}

func init() {
	runners.Register(runners.Runner{Name: "prism", Capabilities: Capabilities, Encodes: true, Rank: 2, Run: run})
}

// How long a canceled job may take to end, and one call to cancel it.
const (
	cancelWithin = 20 * time.Second
	callWithin   = 10 * time.Second
	cancelAgain  = 300 * time.Millisecond
)

func run(ctx context.Context, p *beam.Pipeline, _ runners.Job) error { return Run(ctx, p) }

// Run runs a pipeline to its end. When ctx ends it cancels this job, and no other one of the
// process, and returns the cause of ctx. Errors of transforms come back wrapped.
//
// It submits the job through the job service itself instead of calling beam.Run, which tells nobody
// the job's id and leaves a file in the directory for temporary files. The job does not get ctx: a
// context that is canceled under a running job makes Prism panic.
func Run(ctx context.Context, p *beam.Pipeline) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s, err := start()
	if err != nil {
		return fmt.Errorf("prism: start the job server: %w", err)
	}
	background := context.WithoutCancel(ctx)
	id, err := s.submit(background, p)
	if err != nil {
		return fmt.Errorf("prism: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- runnerlib.WaitForCompletion(background, s.jobs, id) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		s.cancel(background, id, done)
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("prism: %w", err)
	}
	return nil
}

// submitted counts the jobs of this process, whose names it makes unique.
var submitted atomic.Int64

// submit starts a job and returns its id.
func (s *server) submit(ctx context.Context, p *beam.Pipeline) (string, error) {
	edges, _, err := p.Build()
	if err != nil {
		return "", err
	}
	pool := func(context.Context) string { return s.workers }
	env, err := graphx.CreateEnvironment(ctx, graphx.URNEnvExternal, pool)
	if err != nil {
		return "", err
	}
	env.Dependencies = []*pipepb.ArtifactInformation{} // the workers are in this process: they have the program
	graph, err := graphx.Marshal(edges, &graphx.Options{Environment: env})
	if err != nil {
		return "", err
	}
	// Prism splits a slow bundle with timers wrongly: some fire twice (apache/beam issue 35771).
	// The transforms divide their elements themselves, so nothing is lost without splits.
	options := &runnerlib.JobOptions{
		Name:        fmt.Sprintf("flexbeam-%d", submitted.Add(1)),
		Experiments: []string{"prism_disable_sdf_split"},
		Loopback:    true,
	}
	prepared, _, token, err := runnerlib.Prepare(ctx, s.jobs, graph, options)
	if err != nil {
		return "", err
	}
	return runnerlib.Submit(ctx, s.jobs, prepared, token)
}

// cancel cancels a job and waits for its end, but not for ever: a transform that hangs must not
// keep the process.
func (s *server) cancel(ctx context.Context, id string, done <-chan error) {
	ctx, stop := context.WithTimeout(ctx, cancelWithin)
	defer stop()
	for {
		call, stop := context.WithTimeout(ctx, callWithin)
		_, _ = s.jobs.Cancel(call, &jobpb.CancelJobRequest{JobId: id}) // tried again below
		stop()
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-time.After(cancelAgain):
		}
	}
}
