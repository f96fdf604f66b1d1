package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source/file"
	"flexbeam/pipeline/source/kinesis"
	"flexbeam/schemas/model"
	"flexbeam/simulate"
	"flexbeam/transforms/keyed/local"
)

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// service is a Kinesis service in this process, whose clock a test moves. It remembers what was put.
type service struct {
	*kinesisfake.Server
	clock *kinesisfake.ManualClock
	t     *testing.T
	lines [][]byte
}

// newService starts a service at a moment.
func newService(t *testing.T, at int64) *service {
	t.Helper()
	s := &service{clock: kinesisfake.NewManualClock(time.UnixMilli(at)), t: t}
	s.Server = kinesisfake.New(kinesisfake.Options{Clock: s.clock})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// source returns the URI of streams.
func (s *service) source(streams ...string) string {
	return "kinesis:" + strings.Join(streams, ",") + "?endpoint=" + s.URL
}

// moveTo moves the clock, never back.
func (s *service) moveTo(ms int64) {
	if d := time.UnixMilli(ms).Sub(s.clock.Now()); d > 0 {
		s.clock.Advance(d)
	}
}

// put puts a line, which arrives now.
func (s *service) put(stream string, lines ...[]byte) {
	for i, l := range lines {
		s.lines = append(s.lines, l)
		s.Put(stream, kinesisfake.Record{PartitionKey: fmt.Sprintf("%x", md5.Sum(fmt.Append(l, i))), Data: l})
	}
}

// put at their times of arrival; the clock goes with them.
func (s *service) arrive(stream string, records []simulate.Record) {
	for _, r := range records {
		s.moveTo(r.Arrival.UnixMilli())
		s.put(stream, r.Text)
	}
}

// packed puts lines as one record of the Kinesis Producer Library.
func (s *service) packed(stream string, lines ...[]byte) {
	var m []byte
	m = protowire.AppendTag(m, 1, protowire.BytesType)
	m = protowire.AppendString(m, "key")
	for _, l := range lines {
		s.lines = append(s.lines, l)
		var r []byte
		r = protowire.AppendTag(r, 1, protowire.VarintType)
		r = protowire.AppendVarint(r, 0)
		r = protowire.AppendTag(r, 3, protowire.BytesType)
		r = protowire.AppendBytes(r, l)
		m = protowire.AppendTag(m, 3, protowire.BytesType)
		m = protowire.AppendBytes(m, r)
	}
	sum := md5.Sum(m)
	data := append(append([]byte{0xF3, 0x89, 0x9A, 0xC2}, m...), sum[:]...)
	s.Put(stream, kinesisfake.Record{PartitionKey: fmt.Sprintf("%x", sum), Data: data})
}

// batch returns what a direct batch job makes of all that was put, and its summary. Running
// activities count up to now. The clock moves on a little, so that the watermark of idle shards,
// which has whole seconds, passes all.
func (s *service) batch() (history.Tables, Summary) {
	s.t.Helper()
	s.clock.Advance(5 * time.Second)
	return s.batchOf(s.lines)
}

func (s *service) batchOf(lines [][]byte) (history.Tables, Summary) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "all.ndjson")
	if err := os.WriteFile(path, append(bytes.Join(lines, []byte{'\n'}), '\n'), 0o600); err != nil {
		s.t.Fatal(err)
	}
	store := history.NewStore()
	j, err := New(Options{Source: "file:" + path, Sink: memory(store), Runner: Direct, AsOf: s.clock.Now()})
	if err != nil {
		s.t.Fatal(err)
	}
	j.source.(*file.Source).ChunkSize = file.ChunkSize
	sum, err := j.Run(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return store.Tables(), sum
}

// differ returns how tables differ, where dead letters came from aside.
func differ(want, got history.Tables) string {
	letters := func(t history.Tables) []string {
		all := t.Show("dead_letters", "error_class error payload")
		slices.Sort(all)
		return all
	}
	if w, g := letters(want), letters(got); !slices.Equal(w, g) {
		return fmt.Sprintf("dead letters:\n%s\nwant:\n%s", strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
	without := func(t history.Tables) history.Tables {
		m := history.Tables{}
		for name, rows := range t {
			if name != model.DeadLetters.Name {
				m[name] = rows
			}
		}
		return m
	}
	return history.Diff(without(want), without(got))
}

// liveRun is a live job that runs.
type liveRun struct {
	t      *testing.T
	job    *Job
	store  *history.Store
	waits  time.Duration // for what must come; 0: patience
	cancel context.CancelFunc
	done   chan struct{}
	sum    Summary
	err    error
}

// storeOf returns the store of a job that runs, nil before it does.
func storeOf(job string) *local.Store {
	if r := runtime.Lookup(job); r != nil {
		return r.States.(*local.Store)
	}
	return nil
}

// positionsOf returns how far each shard was read, as far as a store knows.
func positionsOf(store *local.Store) (map[string]kinesisio.Position, error) {
	return kinesis.Positions(store.Positions())
}

// begin starts a live job over a store.
func begin(t *testing.T, o Options, store *history.Store) *liveRun {
	t.Helper()
	return start(t, ready(t, o), store)
}

// ready returns a live job that is ready to run.
func ready(t *testing.T, o Options) *Job {
	t.Helper()
	if o.FlushEvery == 0 {
		o.FlushEvery = 50 * time.Millisecond
	}
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// start starts a live job over a store.
func start(t *testing.T, j *Job, store *history.Store) *liveRun {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &liveRun{t: t, job: j, store: store, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.sum, r.err = j.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.done
	})
	return r
}

func (r *liveRun) count() *telemetry.Counters { return r.job.Counters() }

// until waits for a condition; what tells of it, and of how far things are.
func (r *liveRun) until(ok func() bool, what func() string) {
	r.t.Helper()
	deadline := time.After(cmp.Or(r.waits, patience))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-r.done:
			r.t.Fatalf("the job ended with %v before %.5000s", r.err, what())
		case <-deadline:
			r.t.Fatalf("waited too long for %.5000s", what())
		}
	}
}

// read waits until so many records were read.
func (r *liveRun) read(n int64) {
	r.t.Helper()
	c := r.count()
	r.until(func() bool { return c.Records.Load() >= n }, func() string { return fmt.Sprintf("%d records, %d were read", n, c.Records.Load()) })
}

// same waits until the tables are these and nothing waits for a fold.
func (r *liveRun) same(want history.Tables) {
	r.t.Helper()
	var d string
	r.until(func() bool {
		d = differ(want, r.store.Tables())
		s := storeOf(r.job.id)
		return d == "" && s != nil && s.Quiet()
	}, func() string { return "the tables of a batch job: " + d })
}

// shows waits until cells of a table are these.
func (r *liveRun) shows(table, columns string, want ...string) {
	r.t.Helper()
	var got []string
	r.until(func() bool { got = r.store.Tables().Show(table, columns); return slices.Equal(got, want) },
		func() string { return fmt.Sprintf("%q in %s, which holds %q", want, table, got) })
}

// drain ends the job as a signal does, and returns its summary.
func (r *liveRun) drain() Summary {
	r.t.Helper()
	if err := r.end(); err != nil {
		r.t.Fatalf("drained: %v", err)
	}
	s := r.sum
	if s.Records != s.Events+s.Dropped+s.DeadLetters {
		r.t.Errorf("%d records are %d events, %d dropped and %d dead letters", s.Records, s.Events, s.Dropped, s.DeadLetters)
	}
	return s
}

// end ends the job and returns its error.
func (r *liveRun) end() error {
	r.t.Helper()
	r.cancel()
	select {
	case <-r.done:
	case <-time.After(cmp.Or(r.waits, patience)):
		r.t.Fatal("the job does not end")
	}
	return r.err
}

// drawnDay draws the records of a day in order of arrival.
func drawnDay(t *testing.T, seed uint64, tasks int, change func(*simulate.Config)) (records []simulate.Record) {
	t.Helper()
	c := simulate.DefaultConfig()
	c.Seed, c.Tasks, c.Agents, c.Form = seed, tasks, 6, simulate.Mixed
	c.Start, c.Hours = c.Start.Add(7*time.Hour), 10
	c.Disorder, c.Duplicates, c.Dirty = 10*time.Minute, 0.05, 0.02
	if change != nil {
		change(&c)
	}
	_, err := simulate.Each(context.Background(), c, func(r simulate.Record) error {
		r.Text = bytes.Clone(r.Text)
		records = append(records, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// events returns the lines of a history in the form that Kinesis has.
func events(text string) [][]byte {
	return history.Lines(history.Parse(text), history.All(history.String))
}

var _ sink.Sink = (*history.Store)(nil)
