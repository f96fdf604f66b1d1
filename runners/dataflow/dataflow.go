// Package dataflow runs a pipeline on Google's Dataflow service.
//
// Beam's own runner for it takes its options from global flags, sends all flags of the program along,
// and uploads the program with every job. This one takes the options of a job, sends the references of
// secrets and never their values, and stages nothing but the graph: the workers' image has the
// program, which is its own boot program. How a job is translated for the service it leaves to Beam's
// library.
package dataflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/runners"
	"flexbeam/runners/dataflow/dataflowapi"
)

// Name is the runner's.
const Name = "dataflow"

// Capabilities are what the runner can do.
var Capabilities = runners.Capabilities{Unbounded: true, State: true}

func init() {
	runners.Register(runners.Runner{Name: Name, Capabilities: Capabilities, Encodes: true, Keeps: true, Rank: 20, Run: Run})
}

// The errors of a job.
var (
	ErrJob     = errors.New("the job failed on Dataflow")
	ErrStopped = errors.New("the job was ended by somebody else")
)

// Run runs a pipeline. j.Options is an Options.
//
// When ctx ends, a job whose source has an end is canceled, and the cause of ctx is returned. A stream
// runs on, since the service keeps its positions and states only while it runs: j.Kept is told the
// ID of the job, and there is no error. A stream that is drained or updated by others ends without an
// error too.
func Run(ctx context.Context, p *beam.Pipeline, j runners.Job) error {
	o, ok := j.Options.(Options)
	if !ok {
		o = NewOptions()
	}
	if j.Kept == nil {
		j.Kept = func(string) { /* nobody wants to know */ }
	}
	plan, err := NewPlan(ctx, p, o, j.Streaming, j.Forbidden...)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	background := context.WithoutCancel(ctx)
	c, err := dataflowapi.New(background, o.Place())
	if err != nil {
		return err
	}
	if o.Template != "" {
		return plan.write(background, c, o.Template)
	}
	created, err := plan.create(background, c, o.Update)
	if err != nil {
		return err
	}
	w := &watch{Job: j, client: c, every: o.LookEvery, job: created, log: j.Log.With("job", created.Name, "id", created.ID)}
	w.log.Info("dataflow: the job was created", "page", page(o, created.ID))
	if o.Detach {
		j.Kept(created.ID)
		return nil
	}
	return w.run(ctx, background)
}

// page returns where a person sees a job.
func page(o Options, id string) string {
	return fmt.Sprintf("https://console.cloud.google.com/dataflow/jobs/%s/%s?project=%s", o.Region, id, o.Project)
}

// stage puts the graph where the job says that it is.
func (p *Plan) stage(ctx context.Context, c *dataflowapi.Client) error {
	return c.Put(ctx, p.modelURL, p.model)
}

// write puts the job where a template is launched from.
func (p *Plan) write(ctx context.Context, c *dataflowapi.Client, to string) error {
	if err := p.stage(ctx, c); err != nil {
		return err
	}
	p.Job.ClientRequestId = "" // each launch is a request of its own
	b, err := p.Job.MarshalJSON()
	if err != nil {
		return err
	}
	return c.Put(ctx, to, b)
}

// create creates the job, which takes the place of the one of its name if update says so.
func (p *Plan) create(ctx context.Context, c *dataflowapi.Client, update bool) (dataflowapi.Job, error) {
	if update {
		running, err := c.Active(ctx, p.Job.Name)
		if errors.Is(err, dataflowapi.ErrNoJob) {
			return running, fmt.Errorf("--dataflow-update: %w: leave it out to begin a new job", err)
		} else if err != nil {
			return running, err
		}
		p.Job.ReplaceJobId = running.ID
	}
	if err := p.stage(ctx, c); err != nil {
		return dataflowapi.Job{}, err
	}
	j, err := c.Create(ctx, p.Job)
	if errors.Is(err, dataflowapi.ErrSameName) {
		err = fmt.Errorf("%w: add --dataflow-update to take its place with its state, drain it first, or give --dataflow-job-name another name", err)
	}
	return j, err
}

// Times of the watch.
const (
	silentWithin = 10 * time.Minute
	cancelWithin = 10 * time.Minute
	reportEvery  = 4 // looks
)

// watch is a job that runs, and is looked at.
type watch struct {
	runners.Job
	client *dataflowapi.Client
	every  time.Duration
	job    dataflowapi.Job // as it was last seen
	log    *slog.Logger

	told     map[string]bool // messages of the time told, by ID or text
	since    time.Time       // of the newest message that was told
	failure  string          // the newest error among the messages
	answered time.Time       // when the service last answered
	looks    int             // so far
}

// run watches the job until it ends, or ctx does. Calls are made with background.
func (w *watch) run(ctx, background context.Context) error {
	w.answered = time.Now()
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		if ended, err := w.look(background); ended {
			return err
		}
		select {
		case <-ctx.Done():
			return w.stop(ctx, background)
		case <-tick.C:
		}
	}
}

// look asks the service how the job stands, and tells whether it has ended and how.
func (w *watch) look(ctx context.Context) (ended bool, err error) {
	j, err := w.client.Job(ctx, w.job.ID)
	if err == nil {
		err = w.tell(ctx)
	}
	if err != nil {
		if silent := time.Since(w.answered); silent > silentWithin || !errors.Is(err, dataflowapi.ErrUnreachable) {
			return true, fmt.Errorf("%w: if the job %s runs, it goes on", err, w.job.ID)
		}
		w.log.Warn("dataflow: no answer, asking again", "error", err)
		return false, nil
	}
	w.answered = time.Now()
	if j.State != w.job.State {
		w.log.Info("dataflow: state", "state", j.State, "was", w.job.State)
	}
	w.job = j
	w.report(ctx)
	if !j.State.Ended() {
		return false, nil
	}
	return true, w.end()
}

// tell logs what the service has said since the last time.
func (w *watch) tell(ctx context.Context) error {
	all, err := w.client.Messages(ctx, w.job.ID, w.since, dataflowapi.Basic)
	if err != nil {
		return err
	}
	for _, m := range all {
		key := m.ID + m.Text
		if w.told[key] && !m.Time.After(w.since) {
			continue
		}
		if m.Time.After(w.since) || w.told == nil {
			w.since, w.told = m.Time, map[string]bool{}
		}
		w.told[key] = true
		level := slog.LevelInfo
		switch m.Importance {
		case dataflowapi.Warning:
			level = slog.LevelWarn
		case dataflowapi.Error:
			level = slog.LevelError
			w.failure = m.Text
		}
		w.log.Log(ctx, level, "dataflow: "+m.Text, "time", m.Time)
	}
	return nil
}

// report tells from time to time, and at the end, that the job is there, also while it waits for its
// machines or is drained, and what the workers have counted. That is for people and for what looks after the
// process: it ends no job that the service does not answer.
func (w *watch) report(ctx context.Context) {
	w.looks++
	ended := w.job.State.Ended()
	if w.Progress == nil || w.looks%reportEvery != 0 && !ended {
		return
	}
	var p runners.Progress
	if s := w.job.State; ended || s == dataflowapi.Running || s == dataflowapi.Draining {
		var err error
		if p.Counters, err = w.client.Counters(ctx, w.job.ID, w.Namespace); err != nil {
			w.log.Debug("dataflow: the counters of the workers cannot be read", "error", err)
		}
	}
	w.Progress(p)
}

// end returns how a job has ended.
func (w *watch) end() error {
	switch w.job.State {
	case dataflowapi.Failed:
		if w.failure == "" {
			return fmt.Errorf("%w: it does not say why: see its page", ErrJob)
		}
		return fmt.Errorf("%w: %s", ErrJob, strings.Join(strings.Fields(w.failure), " "))
	case dataflowapi.Canceled:
		return fmt.Errorf("%w: it was canceled", ErrStopped)
	case dataflowapi.Updated:
		w.log.Info("dataflow: another job has taken its place", "id", w.job.ReplacedBy)
		w.kept(w.job.ReplacedBy)
	}
	return nil
}

// kept tells which job has the state of a stream.
func (w *watch) kept(id string) {
	if !w.Bounded {
		w.Kept(id)
	}
}

// stop leaves a stream alone and cancels any other job, because ctx has ended.
func (w *watch) stop(ctx, background context.Context) error {
	if !w.Bounded {
		w.kept(w.job.ID)
		return nil
	}
	within, stop := context.WithTimeoutCause(background, cancelWithin, fmt.Errorf("it did not end within %v of being canceled", cancelWithin))
	defer stop()
	err := w.client.Cancel(within, w.job.ID)
	if err == nil {
		_, err = w.client.Await(within, w.job.ID, w.every)
	}
	if err != nil {
		return fmt.Errorf("%w, and the job %s may run on: %w: see flexbeam job status", context.Cause(ctx), w.job.ID, err)
	}
	return context.Cause(ctx)
}
