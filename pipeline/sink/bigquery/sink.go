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
// With mode=load rows are written to Parquet files. A Flush loads each file into a staging table
// and merges that by key and row_version with one statement for each table, so it is for jobs with
// an end. Jobs have names made from what they load, so that one whose answer was lost is found
// again and not repeated. Staging tables are deleted, and expire after a day if that fails.
//
// A table may be written in both ways, by one job after the other. BigQuery allows no MERGE while a
// table is being streamed to; and it knows no sequence number of merged rows, so a streaming sink
// reads the versions of a table that was merged into, and drops what is older by itself.
//
// # Options
//
//	location=EU            where the dataset is created and jobs run
//	quota_project=P        project that quota and cost are counted to
//	mode=auto              stream, load, or auto: load for a job that tells it has an end, see sink.Options, else stream
//	schema=apply           none leaves dataset, tables and views as they are
//	max_staleness=15m      of new tables, and of existing ones when given: how old an answer may be
//	pii_dataset=D          dataset for customers, turn_contents and dead_letters, which hold personal data
//	policy_tag=NAME        policy tag of columns with personal data
//	staging=gs://BUCKET/F  where Parquet files are staged; without it they are uploaded
//	retry=10m              how long a request is tried again before the sink fails
//	timeout=2m             how long a single request may take
//	endpoint=URL, grpc_endpoint=HOST:PORT, gcs_endpoint=URL
//	                       other services than Google's, such as the local one; over plain HTTP no credentials are sent
//
// Credentials are the Application Default Credentials, and nothing else: there is no place for a
// secret in the URI.
package bigquery

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cloud.google.com/go/bigquery"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

func init() { sink.Register("bigquery", open) }

// A Writer is the sink.
type Writer struct {
	config config
	rest   *bigquery.Client

	bounded bool // the job has an end: with mode=auto it loads

	presence *presence

	mu      sync.Mutex
	closed  bool
	settler settler // made by the first Write
}

// A settler is one way to store changes.
type settler interface {
	write(context.Context, change.Block) error
	flush(context.Context) error
	close(context.Context) error
}

func open(ctx context.Context, rest string, o sink.Options) (sink.Sink, error) {
	p, err := parseConfig(rest)
	if err != nil {
		return nil, err
	}
	c, err := p.rest(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	w := &Writer{config: p, rest: c, bounded: o.Bounded, presence: newPresence()}
	if p.apply {
		if err := w.apply(ctx); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		if err := w.arrive(ctx); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return w, nil
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
	t := tables[model.EngagementsID]
	meta, err := w.metadata(ctx, t)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s.%s made at %d", w.config, t.name, meta.CreationTime.UnixMilli()), nil
}

// settling returns the settler, nil when there is none yet and it shall not be made.
func (w *Writer) settling(ctx context.Context, make bool) (settler, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errClosed
	}
	if w.settler != nil || !make {
		return w.settler, nil
	}
	load := w.config.mode == modeLoad
	if w.config.mode == modeAuto && w.bounded {
		streamed, err := w.streamed(ctx)
		if err != nil {
			return nil, err
		}
		load = !streamed
	}
	if load {
		l, err := newLoader(w)
		if err != nil {
			return nil, err
		}
		w.settler = l
		return l, nil
	}
	known, err := w.known(ctx)
	if err != nil {
		return nil, err
	}
	w.settler = newStreamer(w.config, known)
	return w.settler, nil
}

// Write implements sink.Sink.
func (w *Writer) Write(ctx context.Context, b change.Block) error {
	s, err := w.settling(ctx, true)
	if err != nil {
		return err
	}
	return s.write(ctx, b)
}

// Flush implements sink.Sink.
func (w *Writer) Flush(ctx context.Context) error {
	s, err := w.settling(ctx, false)
	if err != nil || s == nil {
		return err
	}
	return s.flush(ctx)
}

// Close implements sink.Sink.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	s := w.settler
	w.mu.Unlock()
	var err error
	if s != nil {
		err = s.close(ctx)
	}
	if w.config.apply {
		err = errors.Join(err, w.leave(ctx))
	}
	if e := w.rest.Close(); err == nil && e != nil {
		err = fmt.Errorf("bigquery: close: %w", e)
	}
	return err
}
