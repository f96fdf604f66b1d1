// Package flink runs a pipeline on a Flink cluster, through Beam's job service.
//
// Beam's own submitter for Go puts every option where Flink does not look, and knows nothing of the
// cluster behind the service. This one passes Flink's options as such, and watches and stops the job
// by Flink's REST interface (package flinkrest): it tells of restarts with their reasons, ends a job
// whose source has an end once all has passed through it, and stops a stream by a savepoint.
package flink

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
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
		pool, err := servePool(j.Log)
		if err != nil {
			return err
		}
		defer pool.close()
		workers = pool.addr
	}
	name := "flexbeam-" + strings.ToLower(rand.Text()[:8])
	begun := time.Now()
	s, err := submit(background, p, o, j.Streaming, name, workers, j.Log)
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }() // the job goes on, or has ended
	w := &watch{Job: j, submission: s, cluster: flinkrest.New(o.REST), log: j.Log.With("job", name), remote: o.Remote()}
	w.log.Info("flink: the job was submitted", "seconds", time.Since(begun).Seconds())
	return w.run(ctx, background)
}

// How often the cluster is looked at, and how long it may be silent.
const (
	lookEvery    = 500 * time.Millisecond
	tellEvery    = 2 * time.Second
	silentWithin = 5 * time.Minute
	lostWithin   = time.Minute // that a JobManager may not know the job, once another has taken over
	cancelWithin = 30 * time.Second
	stopWithin   = 10 * time.Minute
	refuseWithin = time.Minute // that a job may refuse a savepoint
)

// watch is a job that runs, and is looked at.
type watch struct {
	runners.Job
	*submission
	cluster *flinkrest.Client
	log     *slog.Logger
	remote  bool // the job can go on without this process

	flink    string // Flink's ID of the job; "": it is not known yet
	state    flinkrest.State
	told     time.Time // of the newest exception that was told
	asked    time.Time // for exceptions
	answered time.Time // when the cluster last answered
}

// run watches the job until it ends, or ctx does. Calls are made with background.
func (w *watch) run(ctx, background context.Context) error {
	w.answered = time.Now()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var service error // why the job failed, by the job service
	for {
		ended, err := w.look(background)
		if ended {
			return err
		}
		if service != nil && w.flink == "" {
			return fmt.Errorf("%w: %s", ErrJob, flinkrest.Cause(service.Error())) // it did not come to the cluster
		}
		select {
		case service = <-w.failed:
		case <-ctx.Done():
			return w.stop(ctx, background)
		case <-tick.C:
		}
	}
}

// look asks the cluster how the job stands, and tells whether it has ended and how.
func (w *watch) look(ctx context.Context) (ended bool, err error) {
	ended, err = w.ask(ctx)
	if ended || err == nil {
		w.answered = time.Now()
		return ended, err
	}
	silent := time.Since(w.answered)
	switch {
	case errors.Is(err, flinkrest.ErrNoJob) && silent > lostWithin:
		return true, fmt.Errorf("%w: the cluster has forgotten it: was its JobManager restarted? Go on from its last savepoint or retained checkpoint, with --flink-savepoint", ErrJob)
	case silent > silentWithin:
		return true, fmt.Errorf("%w for %v; if the job runs, it goes on", err, silent.Round(time.Second))
	}
	w.log.Debug("flink: no answer, asking again", "error", err)
	return false, nil
}

func (w *watch) ask(ctx context.Context) (ended bool, err error) {
	if w.flink == "" {
		if err := w.find(ctx); err != nil || w.flink == "" {
			return false, err
		}
	}
	s, err := w.cluster.Status(ctx, w.flink)
	if err != nil {
		return false, err
	}
	if s.State != w.state {
		w.log.Info("flink: state", "state", s.State, "was", w.state)
		w.state = s.State
	}
	if s.State == flinkrest.Failed || s.State == flinkrest.Restarting || s.State == flinkrest.Running {
		if err := w.tell(ctx); err != nil {
			return false, err
		}
	}
	switch s.State {
	case flinkrest.Finished:
		return true, w.stopped(ctx)
	case flinkrest.Failed:
		return true, w.why(ctx)
	case flinkrest.Canceled:
		return true, fmt.Errorf("%w: it was canceled: go on from a savepoint if one was made by it", ErrStopped)
	case flinkrest.Running:
		if !w.Bounded || !w.Streaming {
			return false, nil
		}
		if done, err := w.passed(ctx, s); !done || err != nil {
			return false, err
		}
		w.log.Info("flink: all has passed through the job")
		return true, w.cancel(ctx)
	}
	return false, nil
}

// find looks for the job among those of the cluster.
func (w *watch) find(ctx context.Context) error {
	jobs, err := w.cluster.Jobs(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.Name == w.name {
			w.flink = j.ID
			w.log = w.log.With("flink_job", j.ID)
		}
	}
	return nil
}

// tell logs the exceptions that are new, from time to time.
func (w *watch) tell(ctx context.Context) error {
	if time.Since(w.asked) < tellEvery {
		return nil
	}
	w.asked = time.Now()
	all, err := w.cluster.Exceptions(ctx, w.flink)
	if err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if e := all[i]; e.Time.After(w.told) {
			w.told = e.Time
			w.log.Warn("flink: an exception on the cluster", "time", e.Time, "exception", flinkrest.Cause(e.Text))
		}
	}
	return nil
}

// why returns why the job failed.
func (w *watch) why(ctx context.Context) error {
	all, err := w.cluster.Exceptions(ctx, w.flink)
	if err != nil || len(all) == 0 {
		return fmt.Errorf("%w: it does not say why", ErrJob)
	}
	return fmt.Errorf("%w: %s", ErrJob, flinkrest.Cause(all[0].Text))
}

// passed tells whether all has passed through the job: the watermark of what every vertex gets is
// at the end of time. With checkpoints Flink lets no source end, so the job would run for ever.
func (w *watch) passed(ctx context.Context, s flinkrest.Status) (bool, error) {
	for i := len(s.Vertices) - 1; i >= 0; i-- { // the last ones are the last to get there
		v := s.Vertices[i]
		if v.Source {
			continue
		}
		at, ok, err := w.cluster.Watermark(ctx, w.flink, v)
		if err != nil || !ok || at != flinkrest.EndOfTime {
			return false, err
		}
	}
	return len(s.Vertices) > 0, nil
}

// cancel cancels the job and waits until it has ended.
func (w *watch) cancel(ctx context.Context) error {
	ctx, stop := context.WithTimeoutCause(ctx, cancelWithin, fmt.Errorf("the job did not end within %v of being canceled", cancelWithin))
	defer stop()
	if err := w.cluster.Cancel(ctx, w.flink); err != nil {
		return err
	}
	_, err := w.cluster.Await(ctx, w.flink)
	return err
}

// stop ends the job because ctx has ended.
func (w *watch) stop(ctx, background context.Context) error {
	for deadline := time.Now().Add(cancelWithin); w.flink == "" && time.Now().Before(deadline); time.Sleep(lookEvery) {
		if err := w.find(background); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
	if w.flink == "" {
		return fmt.Errorf("%w before the job came to the cluster", context.Cause(ctx))
	}
	if w.Bounded {
		if err := w.cancel(background); err != nil {
			w.log.Warn("flink: the job could not be canceled", "error", err)
		}
		return context.Cause(ctx)
	}
	within, end := context.WithTimeoutCause(background, stopWithin, fmt.Errorf("no savepoint was made within %v", stopWithin))
	defer end()
	if err := w.savepoint(within); err != nil {
		after := "it may run on: see flexbeam job status"
		if !w.remote {
			after = "it was canceled, since its transforms were in this process"
			err = errors.Join(err, w.cancel(background))
		}
		return fmt.Errorf("%w, and the job could not be stopped by a savepoint: %w: %s", context.Cause(ctx), err, after)
	}
	if _, err := w.cluster.Await(within, w.flink); err != nil {
		return err
	}
	return w.stopped(background)
}

// savepoint stops the job by a savepoint. One that is being restarted refuses: it is asked again.
func (w *watch) savepoint(ctx context.Context) error {
	w.log.Info("flink: stopping the job by a savepoint")
	for deadline := time.Now().Add(refuseWithin); ; {
		_, err := w.cluster.Stop(ctx, w.flink, "")
		if err == nil || !errors.Is(err, flinkrest.ErrRefused) || time.Now().After(deadline) {
			return err
		}
		w.log.Debug("flink: no savepoint yet, asking again", "error", err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(2 * lookEvery):
		}
	}
}

// stopped tells where a stream goes on that has ended.
func (w *watch) stopped(ctx context.Context) error {
	if w.Bounded {
		return nil
	}
	points, err := w.cluster.Checkpoints(ctx, w.flink)
	if err != nil {
		return fmt.Errorf("the job was stopped, but where its savepoint is could not be asked: %w", err)
	}
	w.log.Info("flink: the job was stopped", "savepoint", points.Savepoint)
	if w.Kept != nil {
		w.Kept(points.Savepoint)
	}
	return nil
}
