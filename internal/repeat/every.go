// Package repeat calls functions again and again, in fixed intervals, and waits between attempts.
package repeat

import (
	"context"
	"time"
)

// Every calls do in a goroutine of its own, each time the interval d has passed. It ends when do
// returns an error, which goes to failed, or when stop is called. After stop has returned, do is
// neither running nor called again. Call stop once.
func Every(d time.Duration, do func() error, failed func(error)) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			if err := do(); err != nil {
				failed(err)
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// Always is Every for a function that cannot fail.
func Always(d time.Duration, do func()) (stop func()) {
	return Every(d, func() error {
		do()
		return nil
	}, nil)
}

// Pause waits, or returns the cause of the end of ctx.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
