package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/repeat"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source/kinesis"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/keyed"
)

// How long the end of a live job may take.
const (
	drainWithin = 60 * time.Second
	quietPoll   = 50 * time.Millisecond
)

var errDrained = errors.New("drained")

// runLive runs the job until ctx ends, and then drains it: what was read is written and the position behind it kept. That is
// no error.
func (j *Job) runLive(ctx context.Context) (sum Summary, err error) {
	start := time.Now()
	after := context.WithoutCancel(ctx)
	out, err := sink.Open(ctx, j.options.Sink)
	if err != nil {
		return sum, err
	}
	store, torn, err := j.openStore(ctx, out)
	if err != nil {
		return sum, errors.Join(err, out.Close(after))
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	sink.Share(j.id, out)
	defer sink.Unshare(j.id)
	keyed.ShareStore(j.id, store)
	defer keyed.UnshareStore(j.id)
	known, err := keptLive(after, out, store)
	if err != nil {
		return sum, errors.Join(err, out.Close(after))
	}
	keyed.Share(j.id, known)
	defer keyed.Unshare(j.id)

	positions, err := positionsOf(store)
	if err != nil {
		return sum, errors.Join(err, out.Close(after))
	}
	if w, ok := lowest(positions, j.source.streams); ok {
		store.Passed(w)
	}
	j.warnOfOthers(positions)
	control := kinesis.NewControl(j.id)
	defer control.Close()
	control.Report = func(stream, shard string, err error) {
		j.options.Log.Warn("kinesis: tried again after an error", "stream", stream, "shard", shard, "error", err)
	}
	switch j.source.streams, err = j.begins(ctx, control, store, positions, torn); {
	case err != nil && ctx.Err() != nil: // nothing was read
		return sum, out.Close(after)
	case err != nil:
		return sum, errors.Join(err, out.Close(after))
	}
	l := &liveJob{Job: j, store: store, out: out, control: control, looked: j.count.Now()}

	p, s := beam.NewPipelineWithRoot()
	live(s, j.id, j.options, j.source, positions)
	run, cancel := context.WithCancelCause(after)
	defer cancel(nil)
	failed := make(chan error, 1)
	stop := repeat.Every(j.options.FlushEvery, func() error {
		l.observe()
		if err := l.forget(); err != nil {
			return err
		}
		return l.keep(after)
	}, func(err error) {
		failed <- err
		cancel(err)
	})
	ended := make(chan error, 1)
	go func() {
		err := j.execute(run, p)
		cancel(err) // a job that has ended drains no more
		ended <- err
	}()
	select {
	case err = <-ended:
		if err == nil {
			err = errors.New("pipeline: the stream ended: it was deleted, or all its shards are closed for good")
		}
	case <-ctx.Done():
		err = l.drain(run)
		cancel(errDrained)
		if e := <-ended; !errors.Is(e, errDrained) {
			err = e // what kept it from being drained
		}
	}
	stop()
	select {
	case e := <-failed:
		err = e // the first cause
	default:
	}
	if err == nil {
		if err = l.keep(after); err == nil {
			sum.Rows, err = out.Counts(after)
		}
	}
	if e := out.Close(after); e != nil && err == nil {
		err = fmt.Errorf("pipeline: close the sink: %w", e)
	}
	l.observe()
	j.sum(&sum, start)
	sum.Duplicates = j.count.Repeats.Load()
	return sum, err
}

// openStore opens the store of the job's state, which belongs to a sink, and tells whether the end of its log was lost.
func (j *Job) openStore(ctx context.Context, out sink.Sink) (store *keyed.Store, torn bool, err error) {
	place, _, _ := strings.Cut(j.options.Sink, "?")
	owner := keyed.Sink{ID: place, Name: place}
	if i, ok := out.(sink.Identified); ok {
		id, err := i.ID(ctx)
		if err != nil {
			return nil, false, err
		}
		owner.ID = id
	}
	store, r, err := keyed.OpenStore(j.options.State, owner)
	if err != nil {
		return nil, false, fmt.Errorf("--state: %w", err)
	}
	if j.options.State == "" {
		return store, false, nil
	}
	if r.Torn > 0 {
		j.options.Log.Warn("the end of the state's log was torn: what it held is read from the stream again", "bytes", r.Torn)
	}
	z := store.Size()
	j.options.Log.Info("state", "directory", j.options.State, "tasks", z.Tasks, "workers", z.Workers, "bytes", z.TaskBytes+z.WorkerBytes)
	return store, r.Torn > 0, nil
}

// startSource begins the sources under which a store has the times that starts of latest were.
const startSource = "start:"

// begins returns the streams with the time in the place of a start of latest. With a state that is the same in every process: it is safe before anything is read, so what
// arrives before the first position is safe is not lost with a process. torn: the end of the state was lost.
func (j *Job) begins(ctx context.Context, c *kinesis.Control, store *keyed.Store, positions map[string]kinesis.Position, torn bool) ([]kinesis.Stream, error) {
	streams := slices.Clone(j.source.streams)
	if j.options.State == "" {
		return streams, nil
	}
	saved, added := store.Positions(), false
	for i := range streams {
		s := &streams[i]
		if !s.Start.Latest {
			continue
		}
		known := false
		for key := range positions {
			known = known || inAny(streams[i:i+1], key)
		}
		at, ok := saved[startSource+s.ID()]
		var err error
		switch {
		case ok:
			s.Start, err = kinesis.ParseStart(string(at))
		case known:
		case torn:
			s.Start = kinesis.Start{}
			j.options.Log.Warn("the state's log lost where the stream was begun: all that the stream still has is read", "stream", s.ID())
		default:
			if s.Start, err = c.Latest(ctx, *s); err == nil {
				err = store.Add(startSource+s.ID(), []byte(s.Start.String()), nil, nil, nil)
				added = true
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if !added {
		return streams, nil
	}
	if err := store.Keep(func() error { return nil }); err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	return streams, nil
}

// keptLive returns what a sink holds from earlier jobs: of what the store knows the rows, of all others that there are rows.
func keptLive(ctx context.Context, out sink.Sink, store *keyed.Store) (*keyed.Known, error) {
	k, ok := out.(sink.Keeper)
	if !ok {
		return nil, nil
	}
	known := new(keyed.Known)
	finder, finds := out.(sink.Finder)
	if finds {
		known.Find = func(t model.TableID, account, sid string, f func(model.Row) error) error {
			return finder.Find(ctx, t, account, sid, f)
		}
	}
	for _, t := range keyed.KeptTables() {
		err := k.Keys(ctx, t, func(r model.Row) error {
			switch bound, held := store.Has(keyed.Owner(t, r)); {
			case t == model.AgentStatusID && held && bound != event.None && model.AgentStatus.Get(r, "interval_start").Num < agentstatus.Floor(bound):
				// settled: nothing that may still come changes it
			case !finds || t != model.CustomersID && held:
				known.Add(t, r)
			default:
				known.Note(t, r)
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, fmt.Errorf("pipeline: read what the sink holds: %w", err)
		}
	}
	return known, nil
}

// positionsOf returns how far each shard was read.
func positionsOf(store *keyed.Store) (map[string]kinesis.Position, error) {
	positions := map[string]kinesis.Position{}
	for source, b := range store.Positions() {
		if strings.HasPrefix(source, startSource) {
			continue
		}
		stream, shard, _ := strings.Cut(strings.TrimPrefix(source, kinesisSource), "\x00")
		var p kinesis.Position
		if err := json.Unmarshal(b, &p); err != nil {
			return nil, fmt.Errorf("pipeline: the position of %s in the state: %w", source, err)
		}
		positions[kinesis.Key(stream, shard)] = p
	}
	return positions, nil
}

// sourceOf returns the source of a shard in a store.
func sourceOf(key string) string {
	i := strings.LastIndexByte(key, '/')
	return kinesisSource + key[:i] + "\x00" + key[i+1:]
}

// warnOfOthers tells of streams that the state knows and the source does not name: they may have been left out on purpose, or have
// another ID now.
func (j *Job) warnOfOthers(positions map[string]kinesis.Position) {
	for key := range positions {
		if !inAny(j.source.streams, key) {
			j.options.Log.Warn("the state has a position of a shard that this job does not read: name the stream as before, or by its ARN, if it should", "shard", key)
		}
	}
}

// inAny tells whether a shard is in one of some streams.
func inAny(streams []kinesis.Stream, key string) bool {
	return slices.ContainsFunc(streams, func(s kinesis.Stream) bool {
		shard, ok := strings.CutPrefix(key, kinesis.Key(s.ID(), ""))
		return ok && !strings.Contains(shard, "/") // another stream's ID may begin with this one
	})
}

// lowest returns the time up to which all shards of some streams were read, in ms. Shards of others are read no longer and hold nothing.
func lowest(positions map[string]kinesis.Position, streams []kinesis.Stream) (int64, bool) {
	least := int64(math.MaxInt64)
	for key, p := range positions {
		if !p.Done && inAny(streams, key) {
			least = min(least, p.UpTo)
		}
	}
	return least, least != math.MaxInt64 && least > 0
}

// liveJob is a live job that runs.
type liveJob struct {
	*Job
	store   *keyed.Store
	out     sink.Sink
	control *kinesis.Control
	looked  time.Time // for what is over
}

// lookEvery is how often a live job looks for what is over of its streams. Only tests change it.
var lookEvery = time.Hour

// forget lets the state and the counters forget, from time to time, the shards that nothing needs any more.
func (l *liveJob) forget() error {
	now := l.count.Now()
	if now.Sub(l.looked) < lookEvery {
		return nil
	}
	l.looked = now
	positions, err := positionsOf(l.store)
	if err != nil {
		return err
	}
	over := l.control.Over(positions)
	for _, key := range over {
		l.store.ForgetPosition(sourceOf(key))
	}
	if len(over) > 0 {
		l.options.Log.Info("the positions of shards that were read to their end and are listed no longer are forgotten", "shards", over)
	}
	there := map[string]bool{}
	for _, s := range l.control.Shards() {
		there[kinesis.Key(s.Stream, s.Shard)] = true
	}
	l.count.RetainShards(func(stream, shard string) bool { return there[kinesis.Key(stream, shard)] })
	return nil
}

// keep makes what was written visible and what was read durable.
func (l *liveJob) keep(ctx context.Context) error {
	err := l.store.Keep(func() error { return l.count.Flush(func() error { return l.out.Flush(ctx) }) })
	if err != nil {
		return fmt.Errorf("pipeline: flush the sink and keep the state: %w", err)
	}
	if l.options.State != "" {
		l.count.StateLog.Synced(l.count.Now())
	}
	return nil
}

// observe brings the counters up to date that others keep.
func (l *liveJob) observe() {
	c, z := l.count, l.store.Size()
	c.OpenTasks.Store(z.Open)
	c.Tasks.Keys.Store(z.Tasks)
	c.Tasks.Bytes.Store(z.TaskBytes)
	c.Tasks.Disk.Store(z.FrozenBytes)
	contacts, bytes := l.store.Contacts().Size()
	c.Contacts.Keys.Store(contacts)
	c.Contacts.Bytes.Store(bytes)
	c.Contacts.Disk.Store(bytes)
	c.Agents.Keys.Store(z.Workers)
	c.Agents.Bytes.Store(z.WorkerBytes)
	c.StateLog.Bytes.Store(z.Log)
	c.StateLog.Live.Store(z.TaskBytes + z.WorkerBytes)
	c.StateLog.Compactions.Store(z.Rewrites)
	n := l.control.Counts()
	c.Throttled.Store(n.Throttled)
	c.Expired.Store(n.Expired)
	c.Resubscribed.Store(n.Resubscribed)
	for _, s := range l.control.Shards() {
		shard := c.Shard(s.Stream, s.Shard)
		if s.Answered > 0 {
			shard.Polled(time.UnixMilli(s.Answered), s.BehindMS)
		}
		shard.SetWatermark(s.Watermark)
		if !s.Open {
			shard.Close()
		}
	}
}

// drain stops reading and waits until what was read has reached the sink.
func (l *liveJob) drain(ctx context.Context) error {
	ctx, stop := context.WithTimeoutCause(ctx, drainWithin, fmt.Errorf("what was read was not written within %v", drainWithin))
	defer stop()
	l.options.Log.Info("draining: nothing more is read")
	if err := l.control.Drain(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(quietPoll)
	defer tick.Stop()
	for !l.store.Quiet() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("pipeline: drain: %w: run the same command again, it goes on where the state ends", context.Cause(ctx))
		}
	}
	return nil
}
