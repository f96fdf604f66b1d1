package telemetry

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// flushes counts flushes of the sink.
type flushes struct {
	took     Histogram
	failures atomic.Int64
	last     atomic.Int64           // end of the last successful one, ms
	fault    atomic.Pointer[string] // of the last one, nil when it succeeded
}

// Flush runs a flush of the sink, returns its error, and counts it: how long it took and whether it
// failed. When it succeeded, the latencies of the events that Observe noted before it began are
// counted too. A flush that was given up because the job stops is not counted. Only one flush of a
// job may run at a time.
func (c *Counters) Flush(flush func() error) error {
	arrived := c.waiting.take()
	begin := c.Now()
	err := flush()
	end := c.Now()
	f := &c.flushes
	switch {
	case err == nil:
		f.took.observe(flushBounds, end.Sub(begin), 1)
		f.last.Store(end.UnixMilli())
		f.fault.Store(nil)
		for _, a := range arrived {
			c.latency.observe(latencyBounds, time.Duration(end.UnixMilli()-a.ms)*time.Millisecond, a.folds)
		}
		c.waiting.recycle(arrived)
	case errors.Is(err, context.Canceled):
		c.waiting.putBack(arrived)
	default:
		f.took.observe(flushBounds, end.Sub(begin), 1)
		f.failures.Add(1)
		text := err.Error()
		f.fault.Store(&text)
		c.waiting.putBack(arrived)
	}
	return err
}

// Flushes returns how long flushes took, failed ones included.
func (c *Counters) Flushes() Distribution { return c.flushes.took.read(flushBounds) }

// FlushFailures returns how many flushes failed.
func (c *Counters) FlushFailures() int64 { return c.flushes.failures.Load() }

// LastFlush returns when the last successful flush ended, zero when there was none.
func (c *Counters) LastFlush() time.Time { return timeOf(c.flushes.last.Load()) }
