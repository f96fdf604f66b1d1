package bigquery

import (
	"context"
	"sync"
)

// A room counts the bytes and batches that are under way: writers wait while there are too many bytes, flushes until the
// batches before them are stored.
type room struct {
	most int64

	mu      sync.Mutex
	bytes   int64
	last    uint64              // number of the newest batch
	open    map[uint64]struct{} // batches under way
	changed chan struct{}       // closed when a batch ends
}

func newRoom(most int64) *room {
	return &room{most: most, open: map[uint64]struct{}{}, changed: make(chan struct{})}
}

// enter counts a batch and returns its number. It never waits.
func (r *room) enter(size int) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.open[r.last] = struct{}{}
	r.bytes += int64(size)
	return r.last
}

func (r *room) leave(number uint64, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, number)
	r.bytes -= int64(size)
	close(r.changed)
	r.changed = make(chan struct{})
}

// wait waits until there is room for more.
func (r *room) wait(ctx context.Context, failed <-chan struct{}) error {
	return r.until(ctx, failed, func() bool { return r.bytes < r.most })
}

// drain waits until all batches that have entered are stored.
func (r *room) drain(ctx context.Context, failed <-chan struct{}) error {
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	return r.until(ctx, failed, func() bool {
		for n := range r.open {
			if n <= last {
				return false
			}
		}
		return true
	})
}

func (r *room) until(ctx context.Context, failed <-chan struct{}, ok func() bool) error {
	for {
		r.mu.Lock()
		done, changed := ok(), r.changed
		r.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-failed:
			return nil // the caller asks for the failure
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
