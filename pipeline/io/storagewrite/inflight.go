package storagewrite

import (
	"context"
	"sync"
)

// An inFlight counts the bytes and batches that are in flight. Writers wait while there are too
// many bytes, and flushes wait until the batches before them are stored.
type inFlight struct {
	most int64

	mu      sync.Mutex
	bytes   int64
	last    uint64              // number of the newest batch
	open    map[uint64]struct{} // batches under way
	changed chan struct{}       // closed when a batch ends
}

func newInFlight(most int64) *inFlight {
	return &inFlight{most: most, open: map[uint64]struct{}{}, changed: make(chan struct{})}
}

// start counts a batch and returns its number. It never waits.
func (f *inFlight) start(size int) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	f.open[f.last] = struct{}{}
	f.bytes += int64(size)
	return f.last
}

func (f *inFlight) done(number uint64, size int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, number)
	f.bytes -= int64(size)
	close(f.changed)
	f.changed = make(chan struct{})
}

// wait waits until there is room for more.
func (f *inFlight) wait(ctx context.Context, failed <-chan struct{}) error {
	return f.until(ctx, failed, func() bool { return f.bytes < f.most })
}

// drain waits until all batches that were started before are stored.
func (f *inFlight) drain(ctx context.Context, failed <-chan struct{}) error {
	f.mu.Lock()
	last := f.last
	f.mu.Unlock()
	return f.until(ctx, failed, func() bool {
		for n := range f.open {
			if n <= last {
				return false
			}
		}
		return true
	})
}

func (f *inFlight) until(ctx context.Context, failed <-chan struct{}, ok func() bool) error {
	for {
		f.mu.Lock()
		done, changed := ok(), f.changed
		f.mu.Unlock()
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
