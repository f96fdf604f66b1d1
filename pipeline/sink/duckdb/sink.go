// Package duckdb settles changes in a DuckDB file: the sink duckdb:FILE.
//
// # What it promises
//
// The file has every table of the model with its primary key, types and descriptions, and the view
// conversations. Changes settle by key and version (contract, section 7), also against what earlier
// runs left in the file; deletes are remembered in flexbeam.deletes. Changes become visible in
// transactions: at a Flush, and before it when enough have gathered. So after a kill the file holds
// for each key what the sink had at one time, never a torn row, and it can be continued.
//
// # How it writes
//
// Write packs a block's changes and hands them on by key to shards, each a goroutine with its own
// connection, and waits when those are behind. A shard keeps the newest change of each key; to
// settle, it asks DuckDB which of the keys the file has, decides by version, and inserts. DuckDB
// reads the packed rows in place, through a table function, without a staging table.
//
// What was written is in memory, and in the log beside the file, until a checkpoint brings it into
// the file. DuckDB makes none while several connections write, so a Flush makes one, with all
// shards at rest, when the log has grown.
//
// # Options
//
// The URI may end in options: duckdb:calls.duckdb?memory_limit=2GB&writers=1. memory_limit bounds
// what DuckDB itself uses, 1GB unless given; writers is the number of shards, as many as processors
// (at most 4) unless given. More writers store many rows sooner; one is best for small blocks with
// a Flush after each, as every shard reads the keys of the table then.
package duckdb

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
)

func init() {
	sink.Register("duckdb", open)
	sink.RegisterForm("duckdb", func(rest string) error { _, err := parseConfig(rest); return err })
}

// waitingBytes bounds the packed changes that were written and that no shard has yet taken.
const waitingBytes = 32 << 20

// A writer is the sink.
type writer struct {
	store    *store
	shards   []*shard
	waiting  *semaphore.Weighted // bytes of parts that no shard has taken yet
	flushing sync.Mutex          // held by a Flush: shards wait for each other in one at a time

	mu     sync.RWMutex // held for reading while sending, so that Close can close the queues
	closed bool
}

func open(_ context.Context, rest string, _ sink.Options) (sink.Sink, error) {
	return openWith(rest, defaultLimits())
}

func openWith(rest string, l limits) (sink.Sink, error) {
	p, err := parseConfig(rest)
	if err != nil {
		return nil, err
	}
	p.limits = l
	st, err := openStore(p)
	if err != nil {
		return nil, err
	}
	w := &writer{store: st, waiting: semaphore.NewWeighted(waitingBytes)}
	for i := range p.writers {
		s, err := newShard(st, i, w.waiting)
		if err != nil {
			for _, s := range w.shards {
				s.close()
			}
			st.close(false)
			return nil, fmt.Errorf("duckdb: open %s: %w", p.file, err)
		}
		w.shards = append(w.shards, s)
	}
	for _, s := range w.shards {
		go s.run()
	}
	return w, nil
}

// Write implements sink.Sink.
func (w *writer) Write(ctx context.Context, b change.Block) error {
	p, err := pack(b, len(w.shards))
	if err != nil {
		return err
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	for i := range p.parts {
		part := &p.parts[i]
		if len(part.rows) == 0 {
			continue
		}
		if err := w.waiting.Acquire(ctx, part.weight()); err != nil { // after a failure shards drain their queues
			return fmt.Errorf("duckdb: write: %w", err)
		}
		if err := w.send(ctx, w.shards[i], request{part: part}); err != nil {
			w.waiting.Release(part.weight())
			return err
		}
	}
	return w.store.failure()
}

// Flush implements sink.Sink.
func (w *writer) Flush(ctx context.Context) error {
	w.flushing.Lock()
	defer w.flushing.Unlock()
	m := newBarrier(len(w.shards))
	defer m.callOff()
	err := w.call(ctx, func(s *shard) error {
		err := s.settle()
		if err == nil && m.last(w.store.failed) {
			err = s.checkpoint()
			m.end()
		}
		return err
	})
	if err != nil {
		return err
	}
	return w.store.there()
}

// Counts implements sink.Sink.
func (w *writer) Counts(ctx context.Context) (map[string]int64, error) {
	var m map[string]int64
	err := w.call(ctx, func(s *shard) (err error) {
		if s == w.shards[0] {
			m, err = s.counts()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// ID implements sink.Sink.
func (w *writer) ID(context.Context) (string, error) { return w.store.id() }

// Shape implements sink.Sink.
func (w *writer) Shape(context.Context) (sink.Shape, error) { return w.store.shape() }

// SetShape implements sink.Sink.
func (w *writer) SetShape(_ context.Context, s sink.Shape) error { return w.store.setShape(s) }

// Close implements sink.Sink.
func (w *writer) Close(ctx context.Context) error {
	err := w.Flush(ctx)
	if err == errClosed {
		return nil
	}
	if err != nil {
		for _, s := range w.shards {
			s.interrupt() // what is under way has no value any more
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return err
	}
	w.closed = true
	for _, s := range w.shards {
		close(s.queue)
	}
	for _, s := range w.shards {
		<-s.done
		s.close()
	}
	if e := w.store.close(err == nil); err == nil {
		err = e
	}
	return err
}

// call runs f in every shard after all earlier requests and waits.
func (w *writer) call(ctx context.Context, f func(*shard) error) error {
	replies := make(chan error, len(w.shards))
	for _, s := range w.shards {
		w.mu.RLock()
		err := w.send(ctx, s, request{do: f, reply: replies})
		w.mu.RUnlock()
		if err != nil {
			return err
		}
	}
	var first error
	for range w.shards {
		select {
		case err := <-replies:
			if first == nil {
				first = err
			}
		case <-ctx.Done():
			return fmt.Errorf("duckdb: flush: %w", ctx.Err())
		}
	}
	return first
}

// send gives a shard a request. The caller holds mu.
func (w *writer) send(ctx context.Context, s *shard, r request) error {
	if w.closed {
		return errClosed
	}
	select {
	case s.queue <- r:
		return nil
	case <-w.store.failed:
		return w.store.err
	case <-ctx.Done():
		return fmt.Errorf("duckdb: write: %w", ctx.Err())
	}
}
