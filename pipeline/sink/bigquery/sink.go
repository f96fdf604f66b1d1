// Package bigquery settles changes in a BigQuery dataset: the sink bigquery:PROJECT.DATASET.
//
// # What it promises
//
// The dataset has every table of the model with its primary key, types and descriptions, and the
// views. Changes settle by key and version (contract, section 7), also against what earlier jobs
// left; deletes are remembered in flexbeam_deletes. What was flushed is stored: a Flush returns
// when BigQuery has acknowledged every row before it. Readers see it within max_staleness, at once
// when that is 0. A row that BigQuery refuses becomes a dead letter of the class refused_row, and
// the rest of its batch is stored.
//
// # Regimes
//
// A table belongs to one regime, which its label flexbeam_regime tells: cdc, or load. An empty table
// takes that of the first job that writes to it. Into a table of the regime cdc every job streams,
// also one that has an end. A table of the regime load is merged into, until a job streams to it: then
// it is cdc for good. One that has rows and no label is cdc. A forced load (mode=load) into a table
// of the regime cdc is refused, with ErrRegime.
//
// # How it streams
//
// Rows travel through the default stream of the Storage Write API as upserts and deletes of change
// data capture. Their change sequence number has two sections: the row_version, and the order of
// arrival. So BigQuery keeps the greatest version of a key, of equal versions the later write, and
// a request that is sent again, because its answer was lost, changes nothing. Requests hold 1 MiB
// or 200 ms of a table's rows and share a few connections. Writers wait while 64 MiB are not
// acknowledged. A request that fails is tried again, after growing pauses and on new connections,
// for as long as the option retry says.
//
// # How it loads
//
// Rows are written to Parquet files. A Flush loads each file into a staging table and merges that by
// key and row_version with one statement for each table, so it is for jobs with an end. Jobs have
// names made from what they load, so that one whose answer was lost is found again and not repeated.
// Staging tables are deleted, and expire after a day if that fails. If the table has become cdc
// meanwhile, what is staged is streamed.
//
// BigQuery knows no sequence number of merged rows, so a streaming sink asks for their versions, and
// drops what is older by itself: of a table with partitions for the days that its changes are of,
// else by the keys of changes that are older than the newest merged row.
//
// # How it reads
//
// Reading changes no table. A table with a max_staleness may answer without what was streamed last.
// So jobs note in flexbeam_deletes until when they stream to a table, and before the first answer
// about a table is trusted the sink waits until BigQuery has applied what others had streamed when
// it was opened, at most about max_staleness. A job without an end does not wait, and says so.
// Counts leaves out tables whose rows nobody can count yet.
//
// # Options
//
//	location=EU            where the dataset is created and jobs run
//	quota_project=P        project that quota and cost are counted to
//	mode=auto              how a job writes to empty tables: stream, load, or auto: load for a job that tells it has an
//	                       end, see sink.Options, else stream
//	schema=apply           none leaves dataset, tables and views as they are
//	max_staleness=15m      of new tables, and of existing ones when given: how old an answer may be
//	pii_dataset=D          dataset for customers, turn_contents and dead_letters, which hold personal data
//	policy_tag=NAME        policy tag of columns with personal data
//	staging=gs://BUCKET/F  where Parquet files are staged; without it they are uploaded
//	retry=10m              how long a request is tried again before the sink fails, a second at least
//	timeout=2m             how long a single request may take
//	endpoint=URL, grpc_endpoint=HOST:PORT, gcs_endpoint=URL
//	                       other services than Google's, such as the local one; over plain HTTP no credentials are sent
//
// Credentials are the Application Default Credentials, and nothing else: there is no place for a
// secret in the URI. What they lack is told, in one line, when the sink is opened.
package bigquery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

func init() {
	sink.Register("bigquery", open)
	sink.RegisterForm("bigquery", func(rest string) error { _, err := parseConfig(rest); return err })
}

// A Writer is the sink.
type Writer struct {
	config config
	rest   *bigquery.Client

	bounded bool         // the job has an end: with mode=auto it loads
	resend  bool         // rows are sent also where the table has the same version of them
	letters atomic.Int64 // dead letters of rows that were refused
	reading reading

	queries, billed atomic.Int64 // how many were run, and the bytes that they are billed for

	presence *presence
	stored   stored

	mu     sync.Mutex
	closed bool
	router *router // nil: nothing was written yet
	failed error   // the first error of a write or flush; every further one returns it
}

func open(ctx context.Context, rest string, o sink.Options) (sink.Sink, error) {
	p, err := parseConfig(rest)
	if err != nil {
		return nil, err
	}
	p.hidePayload = o.HidePayload
	c, err := p.rest(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	w := &Writer{config: p, rest: c, bounded: o.Bounded, resend: o.Resend, reading: reading{opened: time.Now()}, presence: newPresence()}
	if err := w.begin(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return w, nil
}

// begin makes what is missing, and finds out before anything is read whether the job can write at all.
func (w *Writer) begin(ctx context.Context) error {
	var steps []func(context.Context) error
	if w.config.apply {
		steps = append(steps, w.apply, w.check, w.note, w.arrive) // note shows whether the account may run queries
	} else {
		steps = append(steps, w.find, w.check, w.note)
	}
	if w.config.mode == modeLoad {
		steps = append(steps, w.loadable)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Apply creates what is missing of the dataset, tables and views that a URI without its scheme
// names, and adds to tables what they lack. It drops nothing. An error that wraps ErrTable names
// the column that does not fit.
func Apply(ctx context.Context, rest string) error {
	p, err := parseConfig(rest)
	if err != nil {
		return err
	}
	c, err := p.rest(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return (&Writer{config: p, rest: c}).apply(ctx)
}

// ID implements sink.Sink: which table of engagements this is.
func (w *Writer) ID(ctx context.Context) (string, error) {
	meta, err := w.metadata(ctx, tables[model.EngagementsID])
	if err != nil {
		return "", err
	}
	return w.config.identity(meta), nil
}

// identity is that of the dataset by what BigQuery says of its table of engagements.
func (p config) identity(engagements *bigquery.TableMetadata) string {
	return fmt.Sprintf("%s.%s made at %d", p, tables[model.EngagementsID].name, engagements.CreationTime.UnixMilli())
}

// routed returns the router, nil when there is none yet and it shall not be made.
func (w *Writer) routed(make bool) (*router, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return nil, errClosed
	case w.failed != nil:
		return nil, w.failed
	case w.router == nil && make:
		w.router = newRouter(w)
	}
	return w.router, nil
}

// fail keeps the first error of what was written. That the caller gave up is none.
func (w *Writer) fail(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = err
	}
	return w.failed
}

// Write implements sink.Sink.
func (w *Writer) Write(ctx context.Context, b change.Block) error {
	r, err := w.routed(true)
	if err != nil {
		return err
	}
	return w.fail(ctx, r.write(ctx, b))
}

// Flush implements sink.Sink.
func (w *Writer) Flush(ctx context.Context) error {
	r, err := w.routed(false)
	if err != nil || r == nil {
		return err
	}
	return w.fail(ctx, r.flush(ctx))
}

// Close implements sink.Sink.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	r, err := w.router, w.failed
	w.mu.Unlock()
	if r != nil {
		if e := r.close(ctx); err == nil {
			err = e
		}
	}
	if w.config.apply {
		err = errors.Join(err, w.leave(ctx))
	}
	if e := w.rest.Close(); err == nil && e != nil {
		err = fmt.Errorf("bigquery: close: %w", e)
	}
	return err
}
