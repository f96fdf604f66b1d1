package kinesisio

import (
	"bytes"
	"context"
	"io"
	"os"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/sdf"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/source/kinesis/control"
)

func init() {
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		os.Setenv(k, v)
	}
}

// epoch is when the clocks of tests begin.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// T is what tests and checks of rapid have in common.
type T interface {
	Helper()
	Fatalf(string, ...any)
	Logf(string, ...any)
}

// runner runs the DoFns as a runner does, one call at a time, in the hands of a test. Everything
// that a runner stores goes through coders.
type runner struct {
	t       T
	control *control.Control
	session *session
	read    *readFn
	find    *discoverFn
	streams []*element[Stream, known]
	shards  []*element[shard, progress]
	batches []Batch
	times   []int64 // of batches
	closed  bool
}

// element is an element that a runner holds, with its restriction and the watermark.
type element[E, R any] struct {
	elem      E
	rest      R
	state     int64
	watermark int64 // reported
	done      bool
	delay     time.Duration // before the next look
}

// newRunner makes a runner of a job that reads streams; the time is the clock's, and waiting takes
// none of it.
func newRunner(t T, clock interface{ Now() time.Time }, streams []Stream, opts ...ReadOptionFn) *runner {
	t.Helper()
	streams, err := Identify(streams)
	if err != nil {
		t.Fatalf("%v", err)
	}
	o, err := newReadOption(append(opts, ReadIdle()))
	if err != nil {
		t.Fatalf("%v", err)
	}
	var ids []string
	for _, st := range streams {
		ids = append(ids, st.ID())
	}
	newest := control.Unknown
	for _, at := range o.settings.Positions {
		newest = max(newest, at.UpTo)
	}
	c := control.New(ids, newest)
	if clock != nil {
		c.Now = clock.Now
	}
	s := newTestSession(c, clock)
	c.Share(func() io.Closer { return s })
	both := sessions{Config: o.settings, session: s}
	r := &runner{t: t, control: c, session: s, read: &readFn{sessions: both}, find: &discoverFn{sessions: both}}
	for _, setup := range []func() error{r.read.Setup, r.find.Setup} {
		if err := setup(); err != nil {
			t.Fatalf("%v", err)
		}
	}
	for _, st := range streams {
		k := r.find.CreateInitialRestriction(st)
		r.streams = append(r.streams, &element[Stream, known]{elem: coded(t, st), rest: k, state: unknown, watermark: unknown})
	}
	return r
}

// newTestSession makes a session whose time is the clock's, and whose waiting takes none of it.
func newTestSession(c Controller, clock interface{ Now() time.Time }) *session {
	s := newSession(c)
	if clock != nil {
		s.now = clock.Now
	}
	s.pause = func(ctx context.Context, d time.Duration) error {
		if d > 0 {
			time.Sleep(200 * time.Microsecond)
		}
		return ctx.Err()
	}
	return s
}

// close ends the job as a kill does.
func (r *runner) close() {
	if r.closed {
		return
	}
	r.closed = true
	if err := r.control.Close(); err != nil {
		r.t.Fatalf("%v", err)
	}
}

// over returns the keys of positions that nothing needs any more.
func (r *runner) over(positions map[string]Position) []string {
	saved := map[string]control.Saved{}
	for key, at := range positions {
		saved[key] = control.Saved{UpTo: at.UpTo, Done: at.Done}
	}
	return r.control.Over(saved)
}

// coded returns a value as it comes out of a coder.
func coded[E any](t T, v E) E {
	t.Helper()
	typ := reflect.TypeOf(v)
	var buf bytes.Buffer
	if err := beam.NewElementEncoder(typ).Encode(v, &buf); err != nil {
		t.Fatalf("encode %T: %v", v, err)
	}
	out, err := beam.NewElementDecoder(typ).Decode(&buf)
	if err != nil {
		t.Fatalf("decode %T: %v", v, err)
	}
	return out.(E)
}

// call runs one call for an element, as one bundle or part of one.
func call[E, R any](t T, e *element[E, R], rt *sdf.LockRTracker, do func(*estimator) (sdf.ProcessContinuation, error)) error {
	t.Helper()
	we := estimators{}.CreateWatermarkEstimator(e.state)
	pc, err := do(we)
	if err != nil {
		return err
	}
	if pc.ShouldResume() {
		if pc.ResumeDelay() < time.Second || pc.ResumeDelay()%time.Second != 0 {
			t.Fatalf("resume delay %v: want whole seconds", pc.ResumeDelay())
		}
		e.delay = pc.ResumeDelay()
		if !rt.IsDone() {
			_, residual, err := rt.TrySplit(0)
			if err != nil || residual == nil || !rt.IsDone() {
				t.Fatalf("split for a checkpoint: %v, %v", residual, err)
			}
			e.rest = coded(t, residual.(R))
		} else {
			e.done = true
		}
	} else {
		if !rt.IsDone() {
			t.Fatalf("%T stopped before its end", e.elem)
		}
		e.done = true
	}
	e.state = estimators{}.WatermarkEstimatorState(we)
	if w := we.CurrentWatermark().UnixMilli(); w < e.watermark {
		t.Fatalf("watermark went back from %d to %d", e.watermark, w)
	} else {
		e.watermark = w
	}
	return nil
}

// list lets a stream be listed.
func (r *runner) list(i int) error {
	e := r.streams[i]
	rt := r.find.CreateTracker(e.rest)
	return call(r.t, e, rt, func(we *estimator) (sdf.ProcessContinuation, error) {
		return r.find.ProcessElement(context.Background(), we, rt, e.elem, func(at beam.EventTime, s shard) {
			s = coded(r.t, s)
			if int64(at) < e.watermark {
				r.t.Fatalf("shard %s found at %d, behind the watermark %d", s.ID, at, e.watermark)
			}
			p := r.read.CreateInitialRestriction(s)
			w := r.read.InitialWatermarkEstimatorState(at, p, s)
			r.shards = append(r.shards, &element[shard, progress]{elem: s, rest: coded(r.t, p), state: w, watermark: unknown})
		})
	})
}

// look lets a shard be looked at, in a bundle of its own if fresh.
func (r *runner) look(i int, fresh bool) error {
	e := r.shards[i]
	if e.done {
		return nil
	}
	if fresh || r.read.bundle == 0 {
		r.read.StartBundle(context.Background(), nil)
	}
	rt := r.read.CreateTracker(e.rest)
	return call(r.t, e, rt, func(we *estimator) (sdf.ProcessContinuation, error) {
		return r.read.ProcessElement(context.Background(), we, rt, e.elem, func(at beam.EventTime, b Batch) {
			if int64(at) < e.watermark {
				r.t.Fatalf("batch at %d, behind the watermark %d", at, e.watermark)
			}
			r.batches = append(r.batches, coded(r.t, b))
			r.times = append(r.times, int64(at))
		})
	})
}

// round lets everything be looked at once.
func (r *runner) round() error {
	for i := range r.streams {
		if err := r.list(i); err != nil {
			return err
		}
	}
	r.read.StartBundle(context.Background(), nil)
	for i := range r.shards {
		if err := r.look(i, false); err != nil {
			return err
		}
	}
	return nil
}

// until looks at everything until a condition holds.
func (r *runner) until(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			r.t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
			r.t.Fatalf("waited too long for %s", what)
		}
		if err := r.round(); err != nil {
			r.t.Fatalf("%v", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// failure looks at everything until there is an error.
func (r *runner) failure() error {
	r.t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); err == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited too long for an error")
		}
		err = r.round()
	}
	return err
}

// texts returns the records that were handed on.
func (r *runner) texts() []string { return texts(r.batches) }

func texts(batches []Batch) (all []string) {
	for i := range batches {
		for _, record := range batches[i].Records() {
			all = append(all, string(record))
		}
	}
	return all
}

// sorted returns texts in order.
func sorted(all []string) []string {
	all = slices.Clone(all)
	slices.Sort(all)
	return all
}

// positions returns the positions after batches.
func positions(batches []Batch) map[string]Position {
	m := map[string]Position{}
	for _, b := range batches {
		m[Key(b.Stream, b.Shard)] = b.Position
	}
	return m
}

// newFake starts a fake service.
func newFake(t testing.TB, o kinesisfake.Options) *kinesisfake.Server {
	t.Helper()
	f := kinesisfake.New(o)
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}
