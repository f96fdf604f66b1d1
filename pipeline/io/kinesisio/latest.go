package kinesisio

import (
	"context"
	"fmt"
	"time"
)

// Latest returns what a start of latest is for a stream now: a time by the service's clock, in
// whole seconds. A job that makes it safe before it reads, and gives the stream that start from
// then on, begins there again if it ends before any position is safe.
//
// Latest asks until the service answers or ctx ends, but not for longer than a minute if nothing
// answers at all; retried, which may be nil, is told of the errors meanwhile. Errors are those of
// the package documentation.
func Latest(ctx context.Context, s Stream, retried func(err error, throttled bool)) (Start, error) {
	session := newSession(&observed{retried: retried})
	session.starts = true
	k, err := session.client(ctx, s)
	if err != nil {
		return Start{}, err
	}
	if _, err := k.describe(ctx); err != nil {
		return Start{}, err
	}
	now, _ := k.serverTime(k.c.now())
	return Start{AtMS: now - now%1000}, nil
}

// observed is a controller that a function observes.
type observed struct {
	uncontrolled
	retried func(err error, throttled bool)
}

func (o *observed) Retried(_, _ string, err error, throttled bool) {
	if o.retried != nil {
		o.retried(err, throttled)
	}
}

// futureAllowed is how far behind the service's clock the time of a Start may be, in ms: what is
// known of that clock may be some seconds old.
const futureAllowed = 5000

// future refuses a Start at a time that has not come, by the service's clock in ms.
func (s Stream) future(now int64) error {
	if s.Start.AtMS <= now+futureAllowed {
		return nil
	}
	return &Error{Stream: s.ID(), Kind: ErrFuture, Err: fmt.Errorf(
		"option start: %s is in the future, by the service's clock it is %s: give a time that has passed, or latest",
		s.Start, time.UnixMilli(now).UTC().Format(time.RFC3339))}
}
