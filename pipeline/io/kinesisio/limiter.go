package kinesisio

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// limiter keeps calls a time apart, by the clock of a session.
type limiter struct {
	c *session
	*rate.Limiter
}

func newLimiter(c *session, apart time.Duration) *limiter {
	if apart > 0 {
		apart += time.Microsecond // the limiter's rounding must not bring calls closer together than the service allows
	}
	return &limiter{c, rate.NewLimiter(rate.Every(apart), 1)}
}

// wait waits until a call may be made. A nil limiter has no limit.
func (l *limiter) wait(ctx context.Context) error {
	if l == nil {
		return ctx.Err()
	}
	now := l.c.now()
	return l.c.sleep(ctx, l.ReserveN(now, 1).DelayFrom(now))
}
