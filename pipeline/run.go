package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/repeat"
	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source/file"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// A Summary says what a job did.
type Summary struct {
	Records     int64            // records read
	Events      int64            // records that gave an event
	Duplicates  int64            // events beyond the first record of each
	Dropped     int64            // test events and events outside TaskRouter
	DeadLetters int64            // records that could not be used
	BadAttrs    int64            // attributes that were no JSON object
	Bytes       int64            // input read
	Rows        map[string]int64 // rows of each table in the sink
	Elapsed     time.Duration
}

// EventsPerSecond returns the rate of the whole job.
func (s Summary) EventsPerSecond() float64 { return float64(s.Events) / s.Elapsed.Seconds() }

var lastJob atomic.Int64

// A Job is a job that is ready to run.
type Job struct {
	id      string
	options Options
	source  *source
	count   *telemetry.Counters
}

// New checks the options and returns a job. Errors that wrap ErrUsage or file.ErrNoFiles are the caller's to mend.
func New(o Options) (*Job, error) {
	src, err := o.check()
	if err != nil {
		return nil, err
	}
	o.defaults()
	if o.Mode == Auto {
		o.Mode = Batch
	}
	if src.live() {
		o.Mode = Stream
	}
	if o.FlushEvery == 0 {
		o.FlushEvery = 5 * time.Second
		if src.live() {
			o.FlushEvery = time.Second
		}
	}
	o.Runner = o.runner(needs(o.Mode, src.live())).Name
	j := &Job{id: fmt.Sprintf("job-%d-%d", time.Now().UnixNano(), lastJob.Add(1)), options: o, source: src}
	j.count = telemetry.For(j.id)
	j.count.BytesTotal.Store(file.TotalSize(src.files))
	j.count.Unbounded.Store(src.live())
	return j, nil
}

// Counters returns the job's counters, which move while it runs.
func (j *Job) Counters() *telemetry.Counters { return j.count }

// Live tells whether the job's source has no end.
func (j *Job) Live() bool { return j.source.live() }

// Run runs the job to its end: when it returns without error, all input was processed and its rows are in the sink. When
// ctx ends, Run stops the job, keeps what the sink has settled, and returns the cause. A job whose source has no end is ended by ctx:
// then what was read is written, and Run returns no error.
func (j *Job) Run(ctx context.Context) (sum Summary, err error) {
	defer telemetry.Forget(j.id)
	if j.source.live() {
		return j.runLive(ctx)
	}
	start := time.Now()
	out, err := sink.Open(ctx, j.options.Sink)
	if err != nil {
		return sum, err
	}
	if b, ok := out.(sink.Bulk); ok && j.options.Mode == Batch {
		b.Bounded()
	}
	sink.Share(j.id, out)
	defer sink.Unshare(j.id)

	known, err := kept(ctx, out)
	if err != nil {
		return sum, errors.Join(err, out.Close(context.WithoutCancel(ctx)))
	}
	keyed.Share(j.id, known)
	defer keyed.Unshare(j.id)

	p, s := beam.NewPipelineWithRoot()
	if j.options.Mode == Stream {
		stream(s, j.id, j.options, j.source)
	} else {
		batch(s, j.id, j.options, j.source)
	}
	stop := j.flushing(ctx, out)
	err = j.execute(ctx, p)
	err = errors.Join(err, stop())

	after := context.WithoutCancel(ctx)
	if err == nil {
		if err = out.Flush(after); err == nil {
			sum.Rows, err = out.Counts(after)
		}
	}
	if e := out.Close(after); e != nil && err == nil {
		err = fmt.Errorf("pipeline: close the sink: %w", e)
	}
	j.sum(&sum, start)
	return sum, err
}

// sum fills in what the counters tell.
func (j *Job) sum(sum *Summary, start time.Time) {
	c := j.count
	sum.Records, sum.Events, sum.Duplicates = c.Records.Load(), c.Events.Load(), c.Duplicates()
	sum.Dropped, sum.DeadLetters, sum.BadAttrs = c.Dropped.Load(), c.DeadLetters.Load(), c.BadAttrs.Load()
	sum.Bytes = c.Bytes.Load()
	sum.Elapsed = time.Since(start)
}

// kept returns what a sink holds from earlier jobs.
func kept(ctx context.Context, out sink.Sink) (*keyed.Known, error) {
	k, ok := out.(sink.Keeper)
	if !ok {
		return nil, nil
	}
	known := new(keyed.Known)
	for _, t := range keyed.KeptTables() {
		err := k.Keys(ctx, t, func(r model.Row) error {
			known.Add(t, r)
			return ctx.Err()
		})
		if err != nil {
			return nil, fmt.Errorf("pipeline: read what the sink holds: %w", err)
		}
	}
	return known, nil
}

// flushing makes rows visible from time to time while a stream runs. The returned function ends it.
func (j *Job) flushing(ctx context.Context, out sink.Sink) (stop func() error) {
	if j.options.Mode != Stream {
		return func() error { return nil }
	}
	var failure error // read once the last call has ended
	end := repeat.Every(j.options.FlushEvery, func() error {
		if err := out.Flush(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("pipeline: flush the sink: %w", err)
		}
		return nil
	}, func(err error) { failure = err })
	return func() error {
		end()
		return failure
	}
}
