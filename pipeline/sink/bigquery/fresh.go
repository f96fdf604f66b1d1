package bigquery

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/internal/repeat"
)

// A table with a max_staleness answers with what BigQuery has applied so far of the changes that
// were streamed to it. What a job reads there could lack the last rows of the job before it. So
// each job says in flexbeam_deletes, which has no max_staleness, until when it may stream to a
// table; and before a job with an end trusts the first answer about a table, BigQuery has to have
// applied what others had streamed when the job began. A job without an end does not wait. See
// docs/adr/0013-regimes-in-bigquery.md.

// writtenName is the table_name of these rows of flexbeam_deletes. Their key is the name of the
// table, their row_version the time, milliseconds since 1970.
const writtenName = "flexbeam_written"

// writtenLease is how long a job may stream to a table until it has to say so again.
const writtenLease = time.Minute

// A reading is what is known of the freshness of answers.
type reading struct {
	opened time.Time     // when the sink was
	poll   time.Duration // between two looks at a table that is waited for; 0: by its max_staleness

	mu      sync.Mutex
	written map[string]time.Time // by table, before this job; nil: not read yet
	trusted map[*table]bool
}

// before returns until when other jobs may have streamed to tables when this one began. The caller
// holds the lock.
func (w *Writer) before(ctx context.Context) (map[string]time.Time, error) {
	if w.reading.written != nil {
		return w.reading.written, nil
	}
	all := map[string]time.Time{}
	if err := w.numbers(ctx, selectWritten(w.config.sql), func(name string, until int64) { all[name] = time.UnixMilli(until) }); err != nil {
		return nil, fmt.Errorf("bigquery: read until when tables were streamed to: %w", err)
	}
	w.reading.written = all
	return all, nil
}

// note reads what there is to know of other jobs, before this one says that it streams.
func (w *Writer) note(ctx context.Context) error {
	w.reading.mu.Lock()
	defer w.reading.mu.Unlock()
	_, err := w.before(ctx)
	return err
}

// staleness is how old the answers of a table may be.
func staleness(meta *bigquery.TableMetadata) time.Duration {
	if meta.MaxStaleness == nil {
		return 0
	}
	return meta.MaxStaleness.ToDuration()
}

// fresh returns when answers about a table have all that others had streamed to it when the sink
// was opened. BigQuery applies changes at least every max_staleness. If it does not for twice as
// long, fresh warns and waits no more. In a job without an end it warns at once: rows that stay for
// a while are better than a stream that stands still.
func (w *Writer) fresh(ctx context.Context, t *table) error {
	r := &w.reading
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trusted[t] {
		return nil
	}
	written, err := w.before(ctx)
	if err != nil {
		return err
	}
	if until, ok := written[t.name]; ok {
		if until.After(r.opened) {
			until = r.opened
		}
		meta, err := w.metadata(ctx, t)
		if err != nil {
			return err
		}
		if d := staleness(meta); d > 0 {
			if err := w.applied(ctx, t, until, d); err != nil {
				return err
			}
		}
	}
	if r.trusted == nil {
		r.trusted = map[*table]bool{}
	}
	r.trusted[t] = true
	return nil
}

// appliedUpTo returns up to when BigQuery has applied the changes of a table; the zero time when it
// does not tell.
func (w *Writer) appliedUpTo(ctx context.Context, t *table) (at time.Time, err error) {
	err = w.query(ctx, selectApplied(t, w.config), func(row []bigquery.Value) error {
		at, _ = row[0].(time.Time)
		return nil
	})
	if err != nil {
		return at, fmt.Errorf("bigquery: ask up to when changes of %s are applied: %w", t.name, err)
	}
	return at, nil
}

// allApplied tells whether BigQuery has applied all that was streamed to a table: by this job, and
// before it by others.
func (w *Writer) allApplied(ctx context.Context, t *table) (bool, error) {
	w.reading.mu.Lock()
	written, err := w.before(ctx)
	w.reading.mu.Unlock()
	if err != nil {
		return false, err
	}
	until := written[t.name]
	if until.After(w.reading.opened) {
		until = w.reading.opened
	}
	w.mu.Lock()
	r := w.router
	w.mu.Unlock()
	if r != nil && r.stream.Load() != nil {
		if own := r.stream.Load().stored(); own.After(until) {
			until = own
		}
	}
	if until.IsZero() {
		return true, nil
	}
	at, err := w.appliedUpTo(ctx, t)
	return !at.Before(until), err
}

// applied waits until BigQuery has applied the changes of a table up to a time.
func (w *Writer) applied(ctx context.Context, t *table, until time.Time, staleness time.Duration) error {
	pause := w.reading.poll
	if pause == 0 {
		pause = min(max(staleness/30, time.Second), 30*time.Second)
	}
	limit := time.Now().Add(2*staleness + time.Minute)
	if !w.bounded {
		limit = time.Time{}
	}
	for told := false; ; {
		at, err := w.appliedUpTo(ctx, t)
		switch {
		case err != nil:
			return err
		case !at.Before(until):
			return nil
		case time.Now().After(limit):
			slog.Warn("BigQuery has not yet applied what an earlier job streamed to a table: rows that it wrote last may stay until their task or worker has a further event", "table", t.name, "streamed_until", until)
			return nil
		case !told:
			slog.Info("the job waits until BigQuery has applied what an earlier one streamed to a table", "table", t.name, "streamed_until", until, "at_most", staleness)
			told = true
		}
		if repeat.Pause(ctx, pause) != nil {
			return ctx.Err()
		}
	}
}

// leases are until when this job has said that it may stream to each table.
type leases struct {
	mu     sync.Mutex
	until  []time.Time // by table
	dirty  []bool      // rows were written since the last flush
	stored time.Time   // when the last flush ended
}

// stored returns when the last flush ended.
func (s *streamer) stored() time.Time {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	return s.leases.stored
}

// announce says that rows of a table may be on their way, before the first one is and then every
// half lease.
func (s *streamer) announce(ctx context.Context, t *table, now time.Time) error {
	if t == deletesTable {
		return nil
	}
	l := &s.leases
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty[t.id] = true
	if now.Before(l.until[t.id].Add(-writtenLease / 2)) {
		return nil
	}
	until := now.Add(writtenLease)
	if err := s.say(ctx, t, until); err != nil {
		return err
	}
	l.until[t.id] = until
	return nil
}

// confirm says it again for tables whose rows took longer than their lease to be stored.
func (s *streamer) confirm(ctx context.Context) error {
	l := &s.leases
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, dirty := range l.dirty {
		if now := time.Now(); dirty && now.After(l.until[i]) {
			if err := s.say(ctx, tables[i], now); err != nil {
				return err
			}
			l.until[i] = now
		}
		l.dirty[i] = false
	}
	l.stored = time.Now()
	return nil
}
