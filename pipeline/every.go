package pipeline

import "time"

// every calls do from time to time from another goroutine, until it gives an error, which failed is told, or the returned function is
// called. When that returns, no call is under way.
func every(d time.Duration, do func() error, failed func(error)) (stop func()) {
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
