package bigquery

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline"
	_ "flexbeam/pipeline/source/kinesis"
	"flexbeam/schemas/model"
	"flexbeam/simulate"
)

// dayOfJobs is a simulated day that a live job reads from a stream, and that other jobs read from
// files, all into one dataset.
type dayOfJobs struct {
	t       *testing.T
	uri     string
	records []simulate.Record
	clock   *kinesisfake.ManualClock
	stream  *kinesisfake.Server
	state   string
	sent    int
}

func newDayOfJobs(t *testing.T, uri string) *dayOfJobs {
	t.Helper()
	d := &dayOfJobs{t: t, uri: uri, state: t.TempDir()}
	c := simulate.DefaultConfig()
	c.Seed, c.Tasks, c.Agents, c.Form = 48, 60, 6, simulate.Mixed
	c.Start, c.Hours, c.Disorder, c.Duplicates = c.Start.Add(7*time.Hour), 10, 10*time.Minute, 0.05
	_, err := simulate.Each(t.Context(), c, func(r simulate.Record) error {
		r.Text = bytes.Clone(r.Text)
		d.records = append(d.records, r)
		return nil
	})
	must(t, err)
	d.clock = kinesisfake.NewManualClock(d.records[0].Arrival)
	d.stream = kinesisfake.New(kinesisfake.Options{Clock: d.clock})
	must(t, d.stream.Start())
	t.Cleanup(d.stream.Close)
	d.stream.CreateStream("s", 2)
	return d
}

func (d *dayOfJobs) tenths(n int) int { return len(d.records) * n / 10 }

// backfill runs a job over a part of the day.
func (d *dayOfJobs) backfill(from, to int) { d.batch(d.uri, from, to, time.Time{}) }

func (d *dayOfJobs) batch(sink string, from, to int, asOf time.Time) {
	d.t.Helper()
	var lines []byte
	for _, r := range d.records[d.tenths(from):d.tenths(to)] {
		lines = append(append(lines, r.Text...), '\n')
	}
	path := filepath.Join(d.t.TempDir(), "day.ndjson")
	must(d.t, os.WriteFile(path, lines, 0o600))
	job, err := pipeline.New(pipeline.Options{Source: "file:" + path, Sink: sink, AsOf: asOf})
	must(d.t, err)
	_, err = job.Run(d.t.Context())
	must(d.t, err)
}

// liveJob is a live job that runs.
type liveJob struct {
	*dayOfJobs
	job  *pipeline.Job
	end  context.CancelFunc
	done chan error
	read int64 // records that were sent to it
}

func (d *dayOfJobs) live() *liveJob {
	d.t.Helper()
	job, err := pipeline.New(pipeline.Options{Source: "kinesis:s?endpoint=" + d.stream.URL, Sink: d.uri, State: d.state, FlushEvery: 50 * time.Millisecond})
	must(d.t, err)
	ctx, end := context.WithCancel(context.Background())
	l := &liveJob{dayOfJobs: d, job: job, end: end, done: make(chan error, 1)}
	go func() {
		_, err := job.Run(ctx)
		l.done <- err
	}()
	d.t.Cleanup(end)
	return l
}

// send sends records, and waits until the job has written what they say.
func (l *liveJob) send(to int) {
	l.t.Helper()
	for ; l.sent < l.tenths(to); l.sent++ {
		r := l.records[l.sent]
		if wait := r.Arrival.Sub(l.clock.Now()); wait > 0 {
			l.clock.Advance(wait)
		}
		l.stream.Put("s", kinesisfake.Record{PartitionKey: r.Key, Data: r.Text})
		l.read++
	}
	l.clock.Advance(5 * time.Second) // the watermark of idle shards has whole seconds
	count := l.job.Counters()
	l.until("all records", func() bool { return count.Records.Load() >= l.read })
	l.until("the watermark", func() bool { return l.clock.Now().Sub(count.Watermark()) < 5*time.Second })
	flushes := count.Flushes().Count
	l.until("a flush", func() bool { return count.Flushes().Count > flushes+1 })
}

func (l *liveJob) until(what string, ok func() bool) {
	l.t.Helper()
	deadline := time.After(2 * time.Minute)
	for tick := time.NewTicker(10 * time.Millisecond); !ok(); {
		select {
		case <-tick.C:
		case err := <-l.done:
			l.t.Fatalf("the live job ended before %s: %v", what, err)
		case <-deadline:
			l.t.Fatalf("waited too long for %s", what)
		}
	}
}

func (l *liveJob) drain() {
	l.t.Helper()
	l.end()
	must(l.t, <-l.done)
}

// knowsAll checks that the rows are those of a job that knows all of the day.
func (d *dayOfJobs) knowsAll(when string) {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "calls.duckdb")
	d.batch("duckdb:"+file, 0, 10, d.clock.Now())
	db, err := sql.Open("duckdb", file+"?access_mode=read_only")
	must(d.t, err)
	defer db.Close()
	_, err = db.Exec("SET TimeZone = 'UTC'")
	must(d.t, err)
	for _, table := range model.Tables {
		if table.ID == model.DeadLettersID {
			continue // those of files are rows of their own
		}
		if diff := differingRows(d.t, db, d.uri, table); diff != "" {
			d.t.Errorf("%s: %s", when, diff)
		}
	}
}

// A live job leaves the rows of a job that knows the whole day, whatever other jobs read from files
// before it, between its processes, and while it runs: what it has read and what it reads later,
// parts that cut tasks in two. BigQuery answers as late as it may.
func TestBackfillsBesideALiveJobLoseNoRows(t *testing.T) {
	d := newDayOfJobs(t, localURI(startLocal(t, bigquerylocal.Options{HoldChanges: true}), ""))
	d.backfill(2, 4) // nothing has been read of it yet
	l := d.live()
	l.send(3)
	d.backfill(0, 2) // while it runs
	l.send(4)
	d.backfill(3, 7) // some of it comes later
	l.send(5)
	l.drain()
	d.backfill(1, 4) // between two processes
	l = d.live()
	l.send(8)
	d.backfill(4, 9)
	l.send(10)
	d.backfill(6, 8)
	d.backfill(0, 10)
	l.send(10)
	l.drain()
	d.knowsAll("at the end of the live job")
	d.backfill(5, 10)
	d.backfill(0, 6)
	d.knowsAll("behind two more backfills")
	l = d.live()
	l.send(10)
	l.drain()
	d.knowsAll("behind another process")
}
