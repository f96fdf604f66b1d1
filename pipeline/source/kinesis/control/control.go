package control

import (
	"context"
	"fmt"
	"io"
	"math"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
)

// Unknown is the watermark of a shard or a stream of which nothing is known yet, in ms since 1970.
const Unknown = int64(mtime.MinTimestamp)

// A Control follows and ends the reading of one job in this process. Its methods may be called from
// several goroutines.
type Control struct {
	// Report is told the errors after which a call is made again. Set it before the job begins;
	// nil: nobody is told.
	Report func(stream, shard string, err error)
	// Now says what time it is. New sets it to time.Now; set it before the job begins.
	Now func() time.Time

	counts struct{ throttled, expired, resubscribed, retried atomic.Int64 }

	mu         sync.Mutex
	shared     io.Closer
	shards     map[key]*shard
	listings   map[string]*listings
	bundles    map[int64]*bundle // of which nobody knows yet whether they are committed
	lastBundle int64
	draining   bool
	calls      int           // in progress
	idle       chan struct{} // closed when calls is 0 while draining
	newest     int64         // arrival of the newest record that was handed on, by this job or before its positions
}

// key names a shard.
type key struct{ stream, shard string }

// New returns the control of a job that reads the streams of the given IDs. readUpTo is the time in
// ms since 1970 up to which earlier jobs have read some shard at most; Unknown if there were none.
func New(streams []string, readUpTo int64) *Control {
	c := &Control{Now: time.Now, newest: readUpTo, shards: map[key]*shard{}, listings: map[string]*listings{}, bundles: map[int64]*bundle{}}
	for _, id := range streams { // none of whose shards are known yet
		c.listings[id] = newListings()
	}
	return c
}

// Share returns what all DoFns of the job have in common, which the first of them makes. Close
// closes it.
func (c *Control) Share(make func() io.Closer) io.Closer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shared == nil {
		c.shared = make()
	}
	return c.shared
}

// Drain stops the handing on of records and waits until the calls in progress have returned, or ctx
// ends. From then on the watermark moves up to the arrival of the newest record that was handed on
// from any shard, also by earlier jobs, and never further, so that whatever waits for what was read
// goes on. The job does not end: cancel it.
func (c *Control) Drain(ctx context.Context) error {
	c.mu.Lock()
	c.draining = true
	if c.calls == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("kinesis: drain: %w", context.Cause(ctx))
	}
}

// Close ends all reading. A job that still runs hands on nothing more.
func (c *Control) Close() error {
	c.mu.Lock()
	c.draining = true
	shared := c.shared
	c.mu.Unlock()
	if shared == nil {
		return nil
	}
	return shared.Close()
}

// Enter begins a call that hands on records. It returns false when the job drains: then the call
// hands on nothing.
func (c *Control) Enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return false
	}
	c.calls++
	return true
}

// Leave ends a call that Enter let begin.
func (c *Control) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls--; c.calls == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// Draining tells whether no further records are handed on.
func (c *Control) Draining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// Counts are what happened since the control was made.
type Counts struct {
	Throttled    int64 // answers that asked for fewer calls
	Expired      int64 // iterators that had to be renewed
	Resubscribed int64 // subscriptions that were begun anew
	Retried      int64 // calls made again after an error other than throttling
}

// Counts returns what happened so far.
func (c *Control) Counts() Counts {
	return Counts{
		Throttled: c.counts.throttled.Load(), Expired: c.counts.expired.Load(),
		Resubscribed: c.counts.resubscribed.Load(), Retried: c.counts.retried.Load(),
	}
}

// Retried notes an error after which a call is made again.
func (c *Control) Retried(stream, shard string, err error, throttled bool) {
	if throttled {
		c.counts.throttled.Add(1)
	} else {
		c.counts.retried.Add(1)
	}
	if c.Report != nil {
		c.Report(stream, shard, err)
	}
}

// Expired notes that an iterator of a shard expired and was renewed.
func (c *Control) Expired(_, _ string) { c.counts.expired.Add(1) }

// Resubscribed notes that a subscription to a shard was begun anew.
func (c *Control) Resubscribed(_, _ string) { c.counts.resubscribed.Add(1) }

// A ShardStatus is how far a shard was read.
type ShardStatus struct {
	Stream    string // ID of the stream
	Shard     string
	Answered  int64 // ms since 1970, when the service last answered, also that there is nothing; 0: not yet
	BehindMS  int64 // behind the newest record of the shard, when what was read of it was last looked at
	Watermark int64 // ms since 1970: what arrived before was handed on; Unknown while that is not known
	Open      bool  // not read to its end
}

// Shards returns the shards that the job has found, in order.
func (c *Control) Shards() []ShardStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]ShardStatus, 0, len(c.shards))
	for k, s := range c.shards {
		list = append(list, ShardStatus{
			Stream: k.stream, Shard: k.shard, Answered: s.answered, BehindMS: s.behind, Watermark: s.watermark(0, true), Open: !s.done,
		})
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return a.Stream < b.Stream || a.Stream == b.Stream && a.Shard < b.Shard
	})
	return list
}

// report returns what a runner is told in a bundle, given what it was told before. It never goes
// back behind what was committed.
func (c *Control) report(bundle int64, before *int64) int64 {
	own := c.lowest(bundle)
	if c.draining {
		own = max(own, c.newest)
	}
	*before = max(own, *before)
	return *before
}

// lowest returns the watermark of the job in a bundle: the lowest of its shards, and of the times
// up to which they are known.
func (c *Control) lowest(bundle int64) int64 {
	low := int64(math.MaxInt64)
	for _, l := range c.listings {
		low = min(low, l.upTo)
	}
	for _, s := range c.shards {
		if !s.done {
			low = min(low, s.watermark(bundle, false))
		}
	}
	return low
}
