package kinesis

import (
	"context"
	"sync"
	"time"
)

// limiter keeps calls a time apart.
type limiter struct {
	c     *Control
	apart time.Duration

	mu   sync.Mutex
	next time.Time
}

// wait waits until a call may be made. A nil limiter has no limit.
func (l *limiter) wait(ctx context.Context) error {
	if l == nil {
		return ctx.Err()
	}
	l.mu.Lock()
	now := l.c.now()
	at := now
	if l.next.After(now) {
		at = l.next
	}
	l.next = at.Add(l.apart)
	l.mu.Unlock()
	return l.c.sleep(ctx, at.Sub(now))
}
