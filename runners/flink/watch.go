package flink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"flexbeam/runners/flink/flinkrest"
)

// How often the cluster is looked at, and how long it may be silent.
const (
	lookEvery    = 500 * time.Millisecond
	tellEvery    = 2 * time.Second
	reportEvery  = 5 * time.Second
	submitEvery  = 2 * time.Second // where a job is to go on and the job service is silent
	silentWithin = 5 * time.Minute
	lostWithin   = time.Minute      // that a JobManager may not know the job, once another has taken over
	forgetWithin = 5 * time.Second  // the same where none takes over
	renewAgain   = 10 * time.Minute // after a renewal that was refused
	cancelWithin = 30 * time.Second
	stopWithin   = 10 * time.Minute
	refuseWithin = 3 * time.Minute // that a job may make no savepoint, since it or its JobManager is restarted
)

// watch is a submission that runs, and is looked at.
type watch struct {
	*run
	*submission
	log   *slog.Logger
	begun time.Time

	flink    string // Flink's ID of the job; "": it is not known yet
	state    flinkrest.State
	told     time.Time // of the newest exception that was told
	asked    time.Time // for exceptions and checkpoints
	reported time.Time // when it was last told how far the job is
	answered time.Time // when the cluster last told of the job
	unknown  time.Time // since when the cluster does not know the job; zero: it does, or is silent
	refused  time.Time // of the last renewal that was refused
	clock    clock     // of the cluster's metrics
}

// verdict is what a look at a job finds: how it has ended.
type verdict struct {
	ended bool
	again bool // another submission is to go on with run.from
	err   error
}

// follow watches the job until it has ended, or ctx has. again says that it is to be submitted again. Calls
// are made with background.
func (w *watch) follow(ctx, background context.Context) (again bool, err error) {
	w.answered = time.Now()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var service error // why the job failed, by the job service
	for {
		if v := w.look(background); v.ended {
			w.report(background, nil)
			return v.again, v.err
		}
		if service != nil && w.flink == "" {
			return false, fmt.Errorf("%w: %s", ErrJob, flinkrest.Cause(service.Error())) // it did not come to the cluster
		}
		select {
		case service = <-w.failed:
		case <-ctx.Done():
			err := w.stop(ctx, background)
			w.report(background, nil)
			return false, err
		case <-tick.C:
		}
	}
}

// look asks the cluster how the job stands.
func (w *watch) look(ctx context.Context) verdict {
	v, err := w.ask(ctx)
	if err == nil {
		w.answered, w.unknown = time.Now(), time.Time{}
		return v
	}
	switch {
	case !errors.Is(err, flinkrest.ErrNoJob):
		w.unknown = time.Time{}
	case w.unknown.IsZero():
		w.unknown = time.Now()
	case time.Since(w.unknown) > forgetWithin:
		if v := w.forgotten(ctx); v.ended {
			return v
		}
	}
	if silent := time.Since(w.answered); silent > silentWithin {
		return verdict{ended: true, err: fmt.Errorf("%w for %v; if the job runs, it goes on", err, silent.Round(time.Second))}
	}
	w.log.Debug("flink: no answer, asking again", "error", err)
	return verdict{}
}

// forgotten says what becomes of a job that the cluster does not know any more. A JobManager that is
// highly available brings it back. After the end of any other one it goes on from its last checkpoint.
func (w *watch) forgotten(ctx context.Context) verdict {
	available, err := w.cluster.HighlyAvailable(ctx)
	switch {
	case err != nil:
		return verdict{}
	case w.Streaming && !available:
		w.log.Warn("flink: the cluster has forgotten the job, which goes on from its last checkpoint: was its JobManager restarted?", "checkpoint", w.from)
		return verdict{ended: true, again: true}
	case time.Since(w.answered) > lostWithin:
		return verdict{ended: true, err: fmt.Errorf("%w: the cluster has forgotten it: was its JobManager restarted? Go on from its last savepoint or retained checkpoint, with --flink-savepoint", ErrJob)}
	}
	return verdict{}
}

func (w *watch) ask(ctx context.Context) (verdict, error) {
	if w.flink == "" {
		if err := w.find(ctx); err != nil || w.flink == "" {
			return verdict{}, err
		}
	}
	s, err := w.cluster.Status(ctx, w.flink)
	if err != nil {
		return verdict{}, err
	}
	if s.State != w.state {
		w.log.Info("flink: state", "state", s.State, "was", w.state)
		w.state = s.State
	}
	if s.State == flinkrest.Failed || s.State == flinkrest.Restarting || s.State == flinkrest.Running {
		if err := w.tell(ctx); err != nil {
			return verdict{}, err
		}
	}
	switch s.State {
	case flinkrest.Finished:
		return verdict{ended: true, err: w.stopped(ctx)}, nil
	case flinkrest.Failed:
		return verdict{ended: true, err: w.why(ctx)}, nil
	case flinkrest.Canceled:
		return verdict{ended: true, err: fmt.Errorf("%w: it was canceled: go on from a savepoint if one was made by it", ErrStopped)}, nil
	case flinkrest.Running:
		return w.running(ctx, s)
	}
	return verdict{}, nil
}

// running looks after a job that runs: whether all has passed through it, or it is to be renewed.
func (w *watch) running(ctx context.Context, s flinkrest.Status) (verdict, error) {
	w.report(ctx, &s)
	if !w.Bounded {
		return w.renew(ctx), nil
	}
	if !w.Streaming {
		return verdict{}, nil
	}
	done, err := w.passed(ctx, s)
	if !done || err != nil {
		return verdict{}, err
	}
	w.log.Info("flink: all has passed through the job")
	w.report(ctx, nil)
	return verdict{ended: true, err: w.cancel(ctx)}, nil
}

// renew stops a stream by a savepoint from which it is to go on, when its time has come.
func (w *watch) renew(ctx context.Context) verdict {
	every := w.options.RenewEvery
	if every == 0 || time.Since(w.begun) < every || time.Since(w.refused) < renewAgain {
		return verdict{}
	}
	ctx, end := context.WithTimeoutCause(ctx, stopWithin, fmt.Errorf("no savepoint was made within %v", stopWithin))
	defer end()
	w.log.Info("flink: the job is renewed")
	if err := w.savepoint(ctx); err != nil {
		w.log.Warn("flink: the job could not be renewed, and runs on", "error", err)
		w.refused = time.Now()
		return verdict{}
	}
	if _, err := w.cluster.Await(ctx, w.flink); err != nil && !errors.Is(err, flinkrest.ErrNoJob) {
		return verdict{ended: true, err: fmt.Errorf("%w; it goes on with --flink-savepoint %s", err, w.from)}
	}
	return verdict{ended: true, again: true}
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

// tell logs the exceptions that are new, and notes the last checkpoint, from time to time.
func (w *watch) tell(ctx context.Context) error {
	if time.Since(w.asked) < tellEvery {
		return nil
	}
	w.asked = time.Now()
	points, err := w.cluster.Checkpoints(ctx, w.flink)
	if err != nil {
		return err
	}
	if points.Last != nil {
		w.from = points.Last.Path
	}
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
	at, ok, err := w.cluster.Settled(ctx, s)
	return ok && at == flinkrest.EndOfTime, err
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
	err := w.savepoint(within)
	if errors.Is(err, errForgotten) {
		w.log.Warn("flink: the job is gone; what it had done since its last checkpoint is done again", "error", err)
		w.keep()
		return nil
	}
	if err != nil {
		after := "it may run on: see flexbeam job status"
		if w.from != "" {
			after += ", and go on from its last checkpoint with --flink-savepoint " + w.from
		}
		if !w.options.Remote() {
			after = "it was canceled, since its transforms were in this process"
			err = errors.Join(err, w.cancel(background))
		}
		return fmt.Errorf("%w, and the job could not be stopped by a savepoint: %w: %s", context.Cause(ctx), err, after)
	}
	if _, err := w.cluster.Await(within, w.flink); err != nil {
		return err
	}
	w.keep()
	return nil
}

// errForgotten says that the cluster does not know the job and will not, so that its last checkpoint is
// where it goes on.
var errForgotten = errors.New("the cluster has forgotten the job")

// savepoint stops the job by a savepoint. One that is being restarted refuses, and a JobManager that is
// does not answer: they are asked again.
func (w *watch) savepoint(ctx context.Context) error {
	w.log.Info("flink: stopping the job by a savepoint")
	for deadline := time.Now().Add(refuseWithin); ; {
		path, err := w.cluster.Stop(ctx, w.flink, "")
		if err != nil && w.finished(ctx) { // nobody has heard the answer
			return nil
		}
		if err == nil {
			w.from = path
			return nil
		}
		if errors.Is(err, flinkrest.ErrNoJob) && w.from != "" {
			if available, e := w.cluster.HighlyAvailable(ctx); e == nil && !available {
				return fmt.Errorf("%w: %w", errForgotten, err)
			}
		}
		if time.Now().After(deadline) {
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

// finished tells whether the job has ended by a savepoint, and notes where that is.
func (w *watch) finished(ctx context.Context) bool {
	s, err := w.cluster.Status(ctx, w.flink)
	if err != nil || s.State != flinkrest.Finished {
		return false
	}
	points, err := w.cluster.Checkpoints(ctx, w.flink)
	if err != nil || points.Savepoint == "" {
		return false
	}
	w.from = points.Savepoint
	return true
}

// stopped tells where a stream goes on that somebody else has ended. Flink tells of the last savepoint
// with some delay.
func (w *watch) stopped(ctx context.Context) error {
	if w.Bounded {
		return nil
	}
	for begun := time.Now(); ; time.Sleep(lookEvery) {
		points, err := w.cluster.Checkpoints(ctx, w.flink)
		if err != nil {
			return fmt.Errorf("the job was stopped, but where its savepoint is could not be asked: %w", err)
		}
		if points.Savepoint != "" || time.Since(begun) > forgetWithin {
			w.from = points.Savepoint
			w.keep()
			return nil
		}
	}
}
