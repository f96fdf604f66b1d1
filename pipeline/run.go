package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/repeat"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/evidence"
)

// How long the end of a job over a stream may take.
const (
	drainWithin = 60 * time.Second
	quietPoll   = 50 * time.Millisecond
)

var (
	errDrained = errors.New("drained")
	errEnded   = errors.New("the stream ended: it was deleted, or all its shards are closed for good")
)

// A Summary says what a job did.
type Summary struct {
	Records      int64 // records read
	Events       int64 // records that gave an event
	Duplicates   int64 // events beyond the first record of each
	Dropped      int64 // test events, events outside TaskRouter, and Early
	Early        int64 // events that happened before a job with a range reads
	DeadLetters  int64 // records that could not be used
	BadAttrs     int64 // attributes that were no JSON object
	TasksLeft    int64 // tasks that were left as they are, since another job knows more of them
	QuartersLeft int64 // quarter hours of agents that were
	Chosen       int64 // tasks that From and To choose
	Unbegun      int64 // those of them that were left out since their begin was not read
	Bytes        int64 // input read
	Queries      int64 // that the sink answered and may charge for
	Billed       int64 // bytes that it bills for them

	// Transcripts of conversations: fetched, those that Twilio did not have when it was first asked,
	// and those that were not fetched since the sink has the turns.
	Transcripts, TranscriptsGone, TranscriptsSpared int64

	Rows    map[string]int64 // rows of each table in the sink
	Elapsed time.Duration

	// Of the class with the most dead letters: its name, how many they are, and one of them.
	WorstClass   string
	WorstCount   int64
	WorstExample telemetry.Example

	// Remote says that transforms ran in other processes: what these counted is what the runner has told of
	// it. If the job was restarted on the way it is about right: some counts twice, some is lost.
	Remote bool

	Missing []evidence.Finding // signs that event types are not subscribed to or were lost, since the state began
}

// Useless tells whether there were records and none of them could be used.
func (s Summary) Useless() bool { return s.DeadLetters > 0 && s.Events == 0 && s.Dropped == 0 }

// EventsPerSecond returns the rate of the whole job.
func (s Summary) EventsPerSecond() float64 { return float64(s.Events) / s.Elapsed.Seconds() }

// Run runs the job to its end: when it returns without error, all input was processed and its rows
// are in the sink. When ctx ends, Run stops the job, keeps what the sink has settled, and returns
// the cause. A job whose source has no end is ended by ctx: then what was read is written and the
// position behind it kept, and Run returns no error. An error that wraps ErrDeadLetters says that
// the job did all that, and had more dead letters than it may.
func (j *Job) Run(ctx context.Context) (Summary, error) {
	start := time.Now()
	r, err := j.open(ctx)
	if err == nil {
		err = r.process(ctx)
	} else if errors.Is(err, errBegin) && ctx.Err() != nil {
		err = nil // nothing was read
	}
	var sum Summary
	if err == nil && r.started {
		after := context.WithoutCancel(ctx)
		if err = r.flush(after); err == nil {
			sum.Rows, err = r.out.Counts(after)
		}
	}
	err = r.close(context.WithoutCancel(ctx), err)
	j.sum(&sum, start)
	if err == nil {
		err = j.options.MaxDeadLetters.check(sum)
	}
	return sum, err
}

// sum fills in what the counters tell.
func (j *Job) sum(sum *Summary, start time.Time) {
	c := j.count
	sum.Records, sum.Events, sum.Duplicates = c.Records.Load(), c.Events.Load(), c.Duplicates()
	if j.Live() {
		sum.Duplicates = c.Repeats.Load()
	}
	sum.Dropped, sum.DeadLetters, sum.BadAttrs = c.Dropped.Load(), c.DeadLetters.Load(), c.BadAttrs.Load()
	sum.TasksLeft, sum.QuartersLeft, sum.Unbegun = c.TasksLeft.Load(), c.QuartersLeft.Load(), c.Unbegun.Load()
	sum.Early, sum.Chosen = c.Early.Load(), c.Chosen.Load()
	sum.Bytes = c.Bytes.Load()
	sum.Queries, sum.Billed = c.Queries()
	sum.Transcripts, sum.TranscriptsGone, sum.TranscriptsSpared = c.Transcripts.Fetched.Load(), c.Transcripts.Gone.Load(), c.Transcripts.Spared.Load()
	sum.WorstClass, sum.WorstCount, sum.WorstExample = c.MostLetters()
	sum.Missing = c.Missing.Counts().Findings()
	sum.Elapsed, sum.Remote = time.Since(start), j.options.remote()
}

// process runs the job's graph until it ends, or ctx does. Meanwhile, of a stream, it makes rows
// visible from time to time.
func (r *running) process(ctx context.Context) error {
	p, s := beam.NewPipelineWithRoot()
	if err := r.build(s, r.control); err != nil {
		return err
	}
	after := context.WithoutCancel(ctx)
	graph, cancel := context.WithCancelCause(after)
	defer cancel(nil)
	failed := make(chan error, 1)
	stop := func() { /* nothing is repeated */ }
	if r.options.Mode == Stream {
		stop = repeat.Every(r.options.FlushEvery, func() error { return r.tick(after) }, func(err error) {
			failed <- err
			cancel(err)
		})
	}
	r.started = true
	ended := make(chan error, 1)
	go func() {
		err := r.execute(graph, p)
		cancel(err) // a job that has ended drains no more
		ended <- err
	}()
	var err error
	select {
	case err = <-ended:
		if cause := r.shared.Failure(); err != nil && cause != nil && !r.keeps() {
			err = cause // a runner that keeps the state goes on after the first failures
		}
		if err == nil && r.control != nil {
			err = errEnded
		}
	case <-ctx.Done():
		err = r.end(ctx, graph, cancel, ended)
	}
	stop()
	select {
	case first := <-failed:
		return first
	default:
		return err
	}
}

// end ends a graph that runs because ctx has ended: a stream without an end is drained first.
func (r *running) end(ctx, graph context.Context, cancel context.CancelCauseFunc, ended <-chan error) error {
	if r.control == nil {
		cancel(context.Cause(ctx))
		if r.pool == nil {
			return <-ended
		}
		// A rule may wait for Twilio, which may take minutes to say nothing. What it is told now is an
		// error, so that half a transcript is never taken for the whole.
		r.pool.Close()
		if err := <-ended; err == nil {
			return nil
		}
		return context.Cause(ctx)
	}
	err := r.drain(graph)
	cancel(errDrained)
	if e := <-ended; !errors.Is(e, errDrained) {
		return e // what kept it from being drained
	}
	return err
}

// drain stops reading and waits until what was read has reached the sink.
func (r *running) drain(ctx context.Context) error {
	ctx, stop := context.WithTimeoutCause(ctx, drainWithin, fmt.Errorf("what was read was not written within %v", drainWithin))
	defer stop()
	r.options.Log.Info("draining: nothing more is read")
	if err := r.control.Drain(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(quietPoll)
	defer tick.Stop()
	for !r.store.Quiet() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("drain: %w: run the same command again, it goes on where the state ends", context.Cause(ctx))
		}
	}
	return nil
}
