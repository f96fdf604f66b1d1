package storagewrite

import (
	"context"
	"time"

	"github.com/googleapis/gax-go/v2"
)

// A retrier waits between the attempts of a request: up to 100 ms at first, up to twice as long
// each time, 30 s at most.
type retrier struct {
	backoff gax.Backoff
	until   time.Time
}

// newRetrier returns one whose attempts end after limit.
func newRetrier(limit time.Duration) *retrier {
	return &retrier{gax.Backoff{Initial: 100 * time.Millisecond, Max: 30 * time.Second, Multiplier: 2}, time.Now().Add(limit)}
}

// wait waits for the next attempt. It returns false when the time for attempts is over or ctx ends.
func (r *retrier) wait(ctx context.Context) bool {
	return !time.Now().After(r.until) && gax.Sleep(ctx, r.backoff.Pause()) == nil
}
