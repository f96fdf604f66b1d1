package telemetry

import (
	"fmt"
	"time"
)

// Limits say how long a job may stand still before it counts as failing.
type Limits struct {
	Poll      time.Duration // how long an open shard may give no successful poll
	Watermark time.Duration // how long the watermark may be older than this and not move
}

// DefaultLimits are what /healthz and /readyz judge by.
var DefaultLimits = Limits{Poll: 2 * time.Minute, Watermark: 10 * time.Minute}

// A Fault is a reason why a job makes no progress.
type Fault struct {
	Check   string `json:"check"` // flush, poll or watermark
	Message string `json:"message"`
}

// Faults returns why the job makes no progress, and nothing while it makes some. A job that is far
// behind but catches up has no fault: its watermark is old, but it moves.
func (c *Counters) Faults(l Limits) []Fault {
	var all []Fault
	if text := c.flushes.fault.Load(); text != nil {
		all = append(all, Fault{"flush", "the last flush of the sink failed: " + *text})
	}
	now := c.Now()
	if c.cluster.on.Load() {
		return append(all, c.cluster.faults(now, c.started, l)...)
	}
	shards := c.Shards()
	if waits := now.Sub(c.started); len(shards) == 0 && c.Unbounded.Load() && waits > l.Poll {
		all = append(all, Fault{"poll", sentence("no shard was found for %v; the limit is %v", waits, l.Poll)})
	}
	for _, s := range shards {
		since := s.LastPoll()
		if since.IsZero() {
			since = s.opened
		}
		if silent := now.Sub(since); s.Open() && silent > l.Poll {
			all = append(all, Fault{"poll", fmt.Sprintf("shard %s of %s gave no successful poll for %v; the limit is %v", s.ID, s.Stream, silent.Round(time.Second), l.Poll)})
		}
	}
	if s := c.last(); s != nil {
		age, stands := now.Sub(s.Watermark()), now.Sub(timeOf(s.moved.Load()))
		if age > l.Watermark && stands > l.Watermark {
			all = append(all, Fault{"watermark", fmt.Sprintf("the watermark stands at %s for %v, held by shard %s of %s; the limit is %v",
				s.Watermark().UTC().Format(time.RFC3339), stands.Round(time.Second), s.ID, s.Stream, l.Watermark)})
		}
	}
	return all
}

// sentence tells of a time, rounded, and of its limit.
func sentence(format string, d, limit time.Duration) string {
	return fmt.Sprintf(format, d.Round(time.Second), limit)
}

// Ready tells whether the job works: of a stream, whether a shard has answered lately, or its cluster that
// it runs, as the limits say; of a job with an end, whether it has begun: records were read, or a flush succeeded.
func (c *Counters) Ready(l Limits) bool {
	if !c.Unbounded.Load() {
		return c.Records.Load() > 0 || !c.LastFlush().IsZero()
	}
	if c.cluster.on.Load() {
		return c.Now().Sub(timeOf(c.cluster.ran.Load())) <= l.Poll
	}
	for _, s := range c.Shards() {
		if last := s.LastPoll(); !last.IsZero() && c.Now().Sub(last) <= l.Poll {
			return true
		}
	}
	return false
}
