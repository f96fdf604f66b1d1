// Package repeat does things from time to time.
package repeat

import "time"

// Every calls do again and again from another goroutine, until it gives an error, which failed is
// told, or the returned function is called. When that returns, no call is under way.
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

// Always is Every for what gives no error.
func Always(d time.Duration, do func()) (stop func()) {
	return Every(d, func() error {
		do()
		return nil
	}, nil)
}
