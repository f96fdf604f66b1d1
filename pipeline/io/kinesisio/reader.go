package kinesisio

import (
	"context"
	"sync"
	"time"
)

// Bounds of what readers hold for those who ask.
const (
	shardBytes = 16 << 20 // of one shard
	totalBytes = 64 << 20 // of all shards of a job
	leastGuess = 64 << 10 // of an answer that was not seen yet
	mostGuess  = 10 << 20 // what the service sends at most
)

// unasked is how long a reader goes on that nobody asks.
const unasked = time.Minute

// reader reads one shard ahead of those who ask. It never waits for them longer than it has room.
type reader struct {
	cancel context.CancelFunc
	lapse  *time.Timer // stops a reader that nobody asks
	room   *budget
	at     Position // up to which it was asked and handed on

	mu      sync.Mutex
	chunks  []chunk
	bytes   int64         // that chunks need
	taken   chan struct{} // closed when chunks are taken
	live    int64         // ms since 1970: what arrived before was read
	err     error
	stopped bool
}

// read starts a reader at a position.
func read(room *budget, at Position, open func(context.Context, *cursor) (fetcher, retention, error)) *reader {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{cancel: cancel, room: room, at: at, taken: make(chan struct{})}
	t := newCursor(at)
	r.live = t.watermark
	r.lapse = time.AfterFunc(unasked, r.stop)
	go func() {
		defer cancel()
		if err := r.run(ctx, t, open); err != nil {
			r.fail(err)
		}
	}()
	return r
}

// run reads until the shard's end, or ctx's.
func (r *reader) run(ctx context.Context, t *cursor, open func(context.Context, *cursor) (fetcher, retention, error)) error {
	f, k, err := open(ctx, t)
	if err != nil {
		return err
	}
	defer f.close()
	guess := int64(leastGuess)
	for {
		if err := r.wait(ctx); err != nil {
			return err
		}
		if err := r.room.take(ctx, guess); err != nil {
			return err
		}
		c, err := r.next(ctx, t, f, k)
		r.room.give(guess)
		if err != nil {
			return err
		}
		r.put(c, t.watermark)
		if c.Position.Done {
			return nil
		}
		guess = min(max(c.fit, guess/2, leastGuess), mostGuess)
	}
}

// next reads what comes next.
func (r *reader) next(ctx context.Context, t *cursor, f fetcher, k retention) (chunk, error) {
	a, err := f.next(ctx)
	if err != nil {
		return chunk{}, err
	}
	return t.add(ctx, a, k)
}

// wait waits until the shard has room.
func (r *reader) wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		full, taken := r.bytes >= shardBytes, r.taken
		r.mu.Unlock()
		if !full {
			return ctx.Err()
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// put adds a chunk. One without records goes into the one before it.
func (r *reader) put(c chunk, live int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	r.live = live
	if n := len(r.chunks); n > 0 && len(c.Ends) == 0 && c.GapTo == 0 {
		last := &r.chunks[n-1]
		last.Position, last.BehindMS, last.Watermark = c.Position, c.BehindMS, c.Watermark
		last.children = append(last.children, c.children...)
		return
	}
	r.room.give(-c.fit)
	r.bytes += c.fit
	r.chunks = append(r.chunks, c)
}

// fail ends the reader with an error that those who ask get once they have taken what was read.
func (r *reader) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// stop stops the reader. What it read is forgotten.
func (r *reader) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.cancel()
	r.lapse.Stop()
	if len(r.chunks) > 0 {
		r.live = r.chunks[0].low
	}
	r.room.give(r.bytes)
	r.bytes, r.chunks = 0, nil
}

// usable tells whether the reader goes on behind a position.
func (r *reader) usable(at Position) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.stopped && r.at == at
}

// take takes what was read, up to about size bytes. It returns false if there is nothing, with an
// error if there will never be.
func (r *reader) take(b *Batch, size int64) (children []string, ok bool, err error) {
	r.lapse.Reset(unasked)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil, false, nil
	}
	if len(r.chunks) == 0 {
		return nil, false, r.err
	}
	n := 0
	for i := range r.chunks {
		c := &r.chunks[i]
		if i > 0 && (int64(len(b.Data)) >= size || c.GapTo != 0) {
			break
		}
		b.join(c)
		children = append(children, c.children...)
		r.room.give(c.fit)
		r.bytes -= c.fit
		n++
	}
	r.chunks = append(r.chunks[:0:0], r.chunks[n:]...)
	r.at = b.Position
	close(r.taken)
	r.taken = make(chan struct{})
	return children, true, nil
}

// putBack takes the shard's end out of a batch and keeps it for later. It returns false if there was
// nothing else: the reading stands at the position before.
func (r *reader) putBack(b *Batch, children []string, before Position) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := chunk{Batch: Batch{Position: b.Position, BehindMS: b.BehindMS, Watermark: b.Watermark}, low: b.Watermark, children: children}
	r.chunks = append(r.chunks, end)
	if b.Len() == 0 && b.GapTo == 0 {
		r.at = before
		return false
	}
	b.Position.Done = false
	r.at = b.Position
	return true
}

// bound returns a time in ms: what arrived before was taken.
func (r *reader) bound() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.chunks) > 0 {
		return r.chunks[0].low
	}
	return r.live
}
