package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"flexbeam/internal/span"
	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/transcripts"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/local"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

// running is a job that runs, with what it has open.
type running struct {
	*Job
	out     sink.Sink
	texts   sink.TextStore     // of a sink that has the texts of turns apart
	pool    *transcripts.Pools // nil: no transcripts are fetched
	shared  *runtime.Runtime
	store   *local.Store   // of a stream without an end; else nil
	torn    bool           // the end of the store's log was lost
	control source.Control // of a stream without an end; else nil
	started bool           // its graph was
	looked  time.Time      // for what is over
	warned  time.Time      // of what is missing
}

// errBegin is behind errors of the beginning of a source.
var errBegin = errors.New("begin the source")

// open opens what a job needs, and shares it with the transforms. What it returns is to be closed,
// also after an error.
func (j *Job) open(ctx context.Context) (r *running, err error) {
	r = &running{Job: j, looked: j.count.Now(), warned: j.count.Now()}
	if err := r.ready(ctx); err != nil {
		return r, err
	}
	if err := r.openSink(ctx); err != nil {
		return r, err
	}
	if err := r.fit(ctx); err != nil {
		return r, err
	}
	if j.options.transcripts.Fetches() {
		if r.pool, err = j.options.transcripts.Open(j.count); err != nil {
			return r, err
		}
	}
	if j.embedded() {
		if err := r.openStore(ctx); err != nil {
			return r, err
		}
	}
	var prior *keyed.PriorRows // workers elsewhere read it by themselves
	if !r.options.remote() {
		prior = keyed.NewPriorRows(r.out)
		if j.Live() {
			// What an earlier process kept is written even if this one is ended at once. Which conversations
			// have rows is read when one of them asks.
			if err := prior.Cover(context.WithoutCancel(ctx), []string{task.Name, worker.Name}, recent(j.count.Now())); err != nil {
				return r, err
			}
		}
		r.warnOfForeign(prior)
	}
	r.shared = runtime.Start(j.runtime(), j.count, r.out, prior)
	r.shared.Texts, r.shared.ContactKey, r.shared.Transcripts = r.source.Text, r.options.ContactKey, r.fetcher()
	if r.store != nil {
		r.shared.States = r.store
	}
	if r.heals != nil {
		r.shared.Found = r.heals.found
	}
	return r, r.begin(ctx)
}

// silence is how long the source may be looked for without a word.
const silence = 2 * time.Second

// ready finds out whether a source without an end can be reached, before anything is opened or made.
func (r *running) ready(ctx context.Context) error {
	if !r.embedded() {
		return nil
	}
	slow := time.AfterFunc(silence, func() {
		r.options.Log.Warn("region and credentials for the source are still looked for: where nothing names them, the machine is asked for its role, which takes a while outside of the cloud", "source", r.options.Source)
	})
	defer slow.Stop()
	if err := r.source.(source.Unbounded).Ready(ctx); err != nil {
		return beginError{err}
	}
	return nil
}

// recentDays is how many days back a live stream reads at its start which keys have rows: as old as a
// task may be whose events still come, and what lies around these.
const recentDays = 2 * keyed.Around

// recent returns the days from then on.
func recent(now time.Time) span.Set {
	return span.Set{{From: span.Days(now.UnixMilli(), recentDays).From, To: math.MaxInt64}}
}

// fetcher returns what fetches transcripts; nil if nothing does.
func (r *running) fetcher() keyed.Transcripts {
	if r.pool == nil {
		return nil
	}
	return r.pool
}

func (r *running) openSink(ctx context.Context) (err error) {
	// Workers elsewhere write bundle by bundle, as a stream does, and this process nothing.
	o := sink.Options{
		Bounded: r.options.Mode == Batch && !r.options.remote(), HidePayload: r.options.HidesPayload(), Resend: r.options.Reshape || r.options.Rekey || r.heals != nil, Texts: r.options.TextSink,
	}
	out, err := sink.Open(ctx, r.options.Sink, o)
	if err != nil {
		return err
	}
	if r.out = out; r.heals != nil && r.heals.dry {
		r.out = untouched{out}
	}
	r.count.SetQueries(func() (count, billed int64) {
		q := out.Queries()
		return q.Count, q.Billed
	})
	r.texts, err = sink.TextStoreOf(ctx, out)
	return err
}

// runtime returns what the transforms find this process by.
func (j *Job) runtime() runtime.Job {
	return runtime.Job{
		ID: j.id, Sink: j.options.Sink, HidePayload: j.options.HidesPayload(), TextSink: j.options.TextSink, Columns: j.options.attributes.Text(),
		Turns: j.options.transcripts.Text(),
	}
}

// warnOfForeign tells of rows that the job may leave alone since it knows none of the events behind
// them: a stream that begins without a state settles tasks by what it reads itself.
func (r *running) warnOfForeign(prior *keyed.PriorRows) {
	if r.store == nil || len(r.store.Positions()) > 0 {
		return
	}
	if n := prior.Keys(task.Name); n > 0 {
		r.options.Log.Warn("the sink holds rows of tasks and this job begins without a state: of tasks of which it sees a part of the events only, the rows stay as they are",
			"tasks", n, "days", recentDays)
	}
}

// close closes all that is open, after an error or not, and returns the error, or the first one of
// closing.
func (r *running) close(ctx context.Context, err error) error {
	failed := err != nil
	if r.pool != nil {
		r.pool.Close()
	}
	if r.out != nil {
		if e := r.out.Close(ctx); e != nil && !r.started {
			err = errors.Join(err, e)
		} else if e != nil && !failed {
			err = fmt.Errorf("close the sink: %w", e)
		}
	}
	if r.control != nil {
		r.observe()
		err = errors.Join(err, r.control.Close())
	}
	if r.shared != nil {
		r.shared.End()
	}
	if r.store != nil {
		err = errors.Join(err, r.store.Close())
	}
	return err
}

// openStore opens the store of the job's state, which belongs to a sink.
func (r *running) openStore(ctx context.Context) error {
	id, err := r.out.ID(ctx)
	if err != nil {
		return err
	}
	place, _, _ := strings.Cut(r.options.Sink, "?")
	store, recovered, err := local.Open(local.Options{
		Dir: r.options.State, Sink: local.Sink{ID: id, Name: place}, Kinds: r.options.kinds(), Env: keyed.Env{ContactKey: r.options.ContactKey, Transcripts: r.fetcher(), Attributes: r.options.attributes},
	})
	if err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	r.store = store
	r.count.Missing.Add(store.Missing())
	if r.options.State == "" {
		return nil
	}
	if r.torn = recovered.Torn > 0; r.torn {
		r.options.Log.Warn("the end of the state's log was torn: what it held is read from the stream again", "bytes", recovered.Torn)
	}
	z := store.Size()
	r.options.Log.Info("state", "directory", r.options.State, "tasks", z.Of(task.Name).Keys, "workers", z.Of(worker.Name).Keys, "bytes", z.Bytes())
	return nil
}

// begin begins to read a source without an end.
func (r *running) begin(ctx context.Context) error {
	if !r.embedded() {
		return nil
	}
	src := r.source.(source.Unbounded)
	control, err := src.Begin(ctx, source.Begin{
		Job: r.id, Checkpoint: checkpoint{r.store}, Durable: r.options.State != "", Torn: r.torn,
		AddStream: r.options.AddStream, Log: r.options.Log,
	})
	if err != nil {
		return beginError{err}
	}
	r.control, r.shared.Source = control, control
	if ms, ok := control.Watermark(); ok {
		r.store.AdvanceWatermark(keyed.Millis(ms))
	}
	return nil
}

// beginError is an error of the beginning of a source. Its text is that of the source's.
type beginError struct{ error }

func (e beginError) Unwrap() error        { return e.error }
func (e beginError) Is(target error) bool { return target == errBegin }

// tick is what a job over a stream does from time to time.
func (r *running) tick(ctx context.Context) error {
	if r.control != nil {
		r.observe()
		if err := r.forget(); err != nil {
			return err
		}
		r.warnOfMissing()
	}
	return r.flush(ctx)
}

// warnOfMissing tells from time to time of signs that events are missing.
func (r *running) warnOfMissing() {
	now := r.count.Now()
	if now.Sub(r.warned) < r.lookEvery {
		return
	}
	r.warned = now
	for _, f := range r.count.Missing.Counts().Findings() {
		r.options.Log.Warn("events are missing: not subscribed to, or lost", "sign", f.Name, "number", f.Number, "of", f.All, "share", f.Share(), "what", f.Text)
	}
}

// flush makes what was written visible and, of a stream without an end, what was read durable.
func (r *running) flush(ctx context.Context) error {
	if r.store == nil {
		if err := r.out.Flush(ctx); err != nil {
			return fmt.Errorf("flush the sink: %w", err)
		}
		return nil
	}
	err := r.store.Checkpoint(func() error { return r.count.Flush(func() error { return r.out.Flush(ctx) }) })
	if err != nil {
		return fmt.Errorf("flush the sink and keep the state: %w", err)
	}
	if r.options.State != "" {
		r.count.StateLog.Synced(r.count.Now())
	}
	return nil
}

// forget lets the state and the counters forget, from time to time, the shards that nothing needs
// any more.
func (r *running) forget() error {
	now := r.count.Now()
	if now.Sub(r.looked) < r.lookEvery {
		return nil
	}
	r.looked = now
	if err := r.control.ForgetOver(); err != nil {
		return err
	}
	there := map[[2]string]bool{}
	for _, s := range r.control.Shards() {
		there[[2]string{s.Stream, s.ID}] = true
	}
	r.count.RetainShards(func(stream, shard string) bool { return there[[2]string{stream, shard}] })
	return nil
}

// observe brings the counters up to date that others keep.
func (r *running) observe() {
	c, z := r.count, r.store.Size()
	c.OpenTasks.Store(z.Of(task.Name).Open)
	c.StateLog.Bytes.Store(z.Log)
	live := int64(0)
	for name, held := range map[string]*telemetry.Held{task.Name: &c.Tasks, worker.Name: &c.Agents, customer.Name: &c.Contacts} {
		k := z.Of(name)
		held.Keys.Store(k.Keys)
		held.Bytes.Store(k.Bytes)
		held.Disk.Store(k.SpilledBytes)
		if name != customer.Name { // contacts are not in the log
			live += k.Bytes
		}
	}
	c.StateLog.Live.Store(live)
	c.StateLog.Compactions.Store(z.Rewrites)
	n := r.control.Counts()
	c.Throttled.Store(n.Throttled)
	c.Expired.Store(n.Expired)
	c.Resubscribed.Store(n.Resubscribed)
	for _, s := range r.control.Shards() {
		shard := c.Shard(s.Stream, s.ID)
		if !s.Answered.IsZero() {
			shard.Polled(s.Answered, s.Behind.Milliseconds())
		}
		shard.SetWatermark(s.Watermark)
		if !s.Open {
			shard.Close()
		}
	}
}
