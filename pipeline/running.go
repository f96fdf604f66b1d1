package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/keyed"
)

// running is a job that runs, with what it has open.
type running struct {
	*Job
	out     sink.Sink
	store   *keyed.Store   // of a stream without an end; else nil
	torn    bool           // the end of the store's log was lost
	control source.Control // of a stream without an end; else nil
	started bool           // its graph was
	looked  time.Time      // for what is over
}

// errBegin is behind errors of the beginning of a source.
var errBegin = errors.New("begin the source")

// open opens what a job needs, and shares it with the transforms. What it returns is to be closed, also after an error.
func (j *Job) open(ctx context.Context) (r *running, err error) {
	r = &running{Job: j, looked: j.count.Now()}
	if r.out, err = sink.Open(ctx, j.options.Sink); err != nil {
		return r, err
	}
	if b, ok := r.out.(sink.Bulk); ok && j.options.Mode == Batch {
		b.Bounded()
	}
	sink.Share(j.id, r.out)
	if j.Live() {
		if err := r.openStore(ctx); err != nil {
			return r, err
		}
		keyed.ShareStore(j.id, r.store)
	}
	known, err := r.priorRows(ctx)
	if err != nil {
		return r, err
	}
	keyed.Share(j.id, known)
	return r, r.begin(ctx)
}

// close closes all that is open, after an error or not, and returns the error, or the first one of closing.
func (r *running) close(ctx context.Context, err error) error {
	failed := err != nil
	if r.out != nil {
		if e := r.out.Close(ctx); e != nil && !r.started {
			err = errors.Join(err, e)
		} else if e != nil && !failed {
			err = fmt.Errorf("pipeline: close the sink: %w", e)
		}
	}
	if r.control != nil {
		r.observe()
		err = errors.Join(err, r.control.Close())
	}
	keyed.Unshare(r.id)
	keyed.UnshareStore(r.id)
	sink.Unshare(r.id)
	if r.store != nil {
		err = errors.Join(err, r.store.Close())
	}
	telemetry.Forget(r.id)
	return err
}

// openStore opens the store of the job's state, which belongs to a sink.
func (r *running) openStore(ctx context.Context) error {
	place, _, _ := strings.Cut(r.options.Sink, "?")
	owner := keyed.Sink{ID: place, Name: place}
	if i, ok := r.out.(sink.Identified); ok {
		id, err := i.ID(ctx)
		if err != nil {
			return err
		}
		owner.ID = id
	}
	store, recovered, err := keyed.OpenStore(r.options.State, owner)
	if err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	r.store = store
	if r.options.State == "" {
		return nil
	}
	if r.torn = recovered.Torn > 0; r.torn {
		r.options.Log.Warn("the end of the state's log was torn: what it held is read from the stream again", "bytes", recovered.Torn)
	}
	z := store.Size()
	r.options.Log.Info("state", "directory", r.options.State, "tasks", z.Tasks, "workers", z.Workers, "bytes", z.TaskBytes+z.WorkerBytes)
	return nil
}

// begin begins to read a source without an end.
func (r *running) begin(ctx context.Context) error {
	src, ok := r.source.(source.Unbounded)
	if !ok {
		return nil
	}
	control, err := src.Begin(ctx, source.Begin{
		Job: r.id, Checkpoint: checkpoint{r.store}, Durable: r.options.State != "", Torn: r.torn, Log: r.options.Log,
	})
	if err != nil {
		return beginError{err}
	}
	r.control = control
	if ms, ok := control.Watermark(); ok {
		r.store.Passed(ms)
	}
	return nil
}

// beginError is an error of the beginning of a source. Its text is that of the source's.
type beginError struct{ error }

func (e beginError) Unwrap() error        { return e.error }
func (e beginError) Is(target error) bool { return target == errBegin }

// priorRows returns what the sink holds from earlier jobs. Of a stream without an end that is, of what the store knows, the rows,
// and of all others that there are rows.
func (r *running) priorRows(ctx context.Context) (*keyed.Known, error) {
	k, ok := r.out.(sink.Keeper)
	if !ok {
		return nil, nil
	}
	known := new(keyed.Known)
	add := known.Add
	if r.store != nil {
		ctx = context.WithoutCancel(ctx)
		add = r.add(ctx, known)
	}
	for _, t := range keyed.KeptTables() {
		err := k.Keys(ctx, t, func(row model.Row) error {
			add(t, row)
			return ctx.Err()
		})
		if err != nil {
			return nil, fmt.Errorf("pipeline: read what the sink holds: %w", err)
		}
	}
	return known, nil
}

// add returns what adds a row of the sink to what is known of it, for a job with a store.
func (r *running) add(ctx context.Context, known *keyed.Known) func(model.TableID, model.Row) {
	finder, finds := r.out.(sink.Finder)
	if finds {
		known.Find = func(t model.TableID, account, sid string, f func(model.Row) error) error {
			return finder.Find(ctx, t, account, sid, f)
		}
	}
	return func(t model.TableID, row model.Row) {
		switch bound, held := r.store.Has(keyed.Owner(t, row)); {
		case t == model.AgentStatusID && held && bound != event.None && model.AgentStatus.Get(row, "interval_start").Num < agentstatus.Floor(bound):
			// settled: nothing that may still come changes it
		case !finds || t != model.CustomersID && held:
			known.Add(t, row)
		default:
			known.Note(t, row)
		}
	}
}

// tick is what a job over a stream does from time to time.
func (r *running) tick(ctx context.Context) error {
	if r.control != nil {
		r.observe()
		if err := r.forget(); err != nil {
			return err
		}
	}
	return r.flush(ctx)
}

// flush makes what was written visible and, of a stream without an end, what was read durable.
func (r *running) flush(ctx context.Context) error {
	if r.store == nil {
		if err := r.out.Flush(ctx); err != nil {
			return fmt.Errorf("pipeline: flush the sink: %w", err)
		}
		return nil
	}
	err := r.store.Keep(func() error { return r.count.Flush(func() error { return r.out.Flush(ctx) }) })
	if err != nil {
		return fmt.Errorf("pipeline: flush the sink and keep the state: %w", err)
	}
	if r.options.State != "" {
		r.count.StateLog.Synced(r.count.Now())
	}
	return nil
}

// forget lets the state and the counters forget, from time to time, the shards that nothing needs any more.
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
	c.OpenTasks.Store(z.Open)
	c.Tasks.Keys.Store(z.Tasks)
	c.Tasks.Bytes.Store(z.TaskBytes)
	c.Tasks.Disk.Store(z.FrozenBytes)
	contacts, bytes := r.store.Contacts().Size()
	c.Contacts.Keys.Store(contacts)
	c.Contacts.Bytes.Store(bytes)
	c.Contacts.Disk.Store(bytes)
	c.Agents.Keys.Store(z.Workers)
	c.Agents.Bytes.Store(z.WorkerBytes)
	c.StateLog.Bytes.Store(z.Log)
	c.StateLog.Live.Store(z.TaskBytes + z.WorkerBytes)
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
