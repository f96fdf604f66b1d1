package duckdb

import (
	"context"
	"sync"
)

// A room bounds the bytes that wait. One taker may always enter an empty room, however large it is.
type room struct {
	mu    sync.Mutex
	limit int
	used  int
	freed chan struct{} // closed and replaced when bytes leave
}

func newRoom(limit int) *room { return &room{limit: limit, freed: make(chan struct{})} }

// take waits until n bytes fit, ctx ends or stop is closed. Only ctx gives an error; after stop nobody waits any more.
func (r *room) take(ctx context.Context, n int, stop <-chan struct{}) error {
	for {
		r.mu.Lock()
		if r.used == 0 || r.used+n <= r.limit {
			r.used += n
			r.mu.Unlock()
			return nil
		}
		freed := r.freed
		r.mu.Unlock()
		select {
		case <-freed:
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// give returns n bytes.
func (r *room) give(n int) {
	r.mu.Lock()
	r.used -= n
	close(r.freed)
	r.freed = make(chan struct{})
	r.mu.Unlock()
}
