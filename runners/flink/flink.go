// Package flink runs a pipeline on a Flink cluster, through Beam's job service.
//
// Beam's own submitter for Go puts every option where Flink does not look, and knows nothing of the
// cluster behind the service. This one passes Flink's options as such, and watches and stops the job
// by Flink's REST interface (package flinkrest): it tells of restarts with their reasons and of what the
// workers have counted, ends a job whose source has an end once all has passed through it, and stops a
// stream by a savepoint. A stream is renewed from time to time, and one that the cluster has forgotten
// goes on from its last checkpoint: see Options.RenewEvery.
package flink

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/runners"
	"flexbeam/runners/flink/flinkrest"
)

// Name is the runner's.
const Name = "flink"

// Capabilities are what the runner can do.
var Capabilities = runners.Capabilities{Unbounded: true, State: true}

func init() {
	runners.Register(runners.Runner{Name: Name, Capabilities: Capabilities, Encodes: true, Keeps: true, Rank: 10, Run: Run})
}

// The errors of a job.
var (
	ErrJob     = errors.New("the job failed on the cluster")
	ErrStopped = errors.New("the job was ended by somebody else")
)

// Run runs a pipeline. j.Options is an Options.
//
// When ctx ends, a stream is stopped by a savepoint, whose place j.Kept is told, and there is no
// error; a job whose source has an end is canceled, and the cause of ctx is returned. A job that is
// stopped by a savepoint from outside ends without an error too.
func Run(ctx context.Context, p *beam.Pipeline, j runners.Job) error {
	o, ok := j.Options.(Options)
	if !ok {
		o = NewOptions()
	}
	if err := o.Check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	workers := o.Worker
	if o.Environment == Loopback {
		addr, stop, err := serveWorkers(j.Log)
		if err != nil {
			return err
		}
		defer stop()
		workers = addr
	}
	r := &run{Job: j, pipeline: p, options: o, workers: workers, cluster: flinkrest.New(o.REST), from: o.Savepoint}
	return r.all(ctx, background)
}

// run is a job as its user sees it: one submission after the other, each of which goes on where the one
// before has left its state.
type run struct {
	runners.Job
	pipeline *beam.Pipeline
	options  Options
	workers  string
	cluster  *flinkrest.Client
	from     string // the state that the next submission begins with; "": none
	counts   counts
}

// all submits the job until it has ended.
func (r *run) all(ctx, background context.Context) error {
	for first := true; ; first = false {
		s, err := r.submit(ctx, background, first)
		if err != nil {
			return err
		}
		w := &watch{run: r, submission: s, begun: time.Now(), log: r.Log.With("job", s.name)}
		again, err := w.follow(ctx, background)
		_ = s.close() // the job goes on, or has ended
		if !again {
			return err
		}
		if ctx.Err() != nil && !r.Bounded {
			r.keep()
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.counts.next(anew)
	}
}

// keep tells where the state is with which a stream goes on.
func (r *run) keep() {
	r.Log.Info("flink: the job was stopped", "savepoint", r.from)
	if r.Kept != nil {
		r.Kept(r.from)
	}
}

// submit submits the job. Where it is to go on, the job service may be silent for a while: it may have
// been on the machine that was lost.
func (r *run) submit(ctx, background context.Context, first bool) (*submission, error) {
	o := r.options
	o.Savepoint = r.from
	for begun := time.Now(); ; {
		name := "flexbeam-" + strings.ToLower(rand.Text()[:8])
		s, err := submit(background, r.pipeline, o, r.Streaming, name, r.workers, r.Log)
		switch {
		case err == nil:
			r.Log.Info("flink: the job was submitted", "job", name, "from", r.from, "seconds", time.Since(begun).Seconds())
			return s, nil
		case first:
			return nil, err
		case ctx.Err() != nil || time.Since(begun) > silentWithin:
			return nil, fmt.Errorf("%w: the job is stopped; it goes on with --flink-savepoint %s", err, r.from)
		}
		r.Log.Warn("flink: the job could not be submitted, trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(submitEvery):
		}
	}
}
