package kinesisio

import (
	"context"
	"sync"
)

// budget bounds the bytes that the readers of a job hold for those who ask.
type budget struct {
	mu    sync.Mutex
	free  int64
	freed chan struct{} // closed when more is free
}

func newBudget(bytes int64) *budget { return &budget{free: bytes, freed: make(chan struct{})} }

// take waits until there is room for n bytes, or for anything at all: the size of an answer is only
// guessed.
func (b *budget) take(ctx context.Context, n int64) error {
	for {
		b.mu.Lock()
		if b.free >= n {
			b.free -= n
			b.mu.Unlock()
			return nil
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// give gives n bytes back; negative: takes them whether they are there or not.
func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	if n > 0 {
		close(b.freed)
		b.freed = make(chan struct{})
	}
}
