package kinesis

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
)

// A Control watches and ends the reading of one job in this process. While there is one, the job is taken to run in this process
// alone: the watermark that every shard reports is the lowest of all shards, so it is right even on a runner that forgets some
// of them, as Prism does with elements of a stage that run in several bundles.
type Control struct {
	// Now says what time it is; nil: time.Now. Set it before the job begins.
	Now func() time.Time
	// Report is told the errors after which a call is made again; nil: they are logged, at most one a minute.
	Report func(stream, shard string, err error)

	name     string
	explicit bool // made by NewControl
	counts   struct{ throttled, expired, resubscribed, retried atomic.Int64 }
	pause    func(context.Context, time.Duration) error // nil: by the clock of this machine

	mu       sync.Mutex
	clients  map[Stream]*client
	places   map[string]*place
	listings map[string]*listings
	budget   *budget
	draining bool
	calls    int           // in progress
	idle     chan struct{} // closed when calls is 0 while draining
	newest   int64         // arrival of the newest record that was handed on, by this job or before its positions
	logged   time.Time
}

// controls are those of this process: by name, and by job for jobs without one.
var controls struct {
	sync.Mutex
	named, jobs map[string]*Control
}

// NewControl makes the control of this process that WithControl names. Close it when the job has ended.
func NewControl(name string) *Control {
	controls.Lock()
	defer controls.Unlock()
	if controls.named == nil {
		controls.named = map[string]*Control{}
	}
	if name == "" || controls.named[name] != nil {
		panic(fmt.Sprintf("kinesis: control %q: there is one already, or the name is empty", name))
	}
	c := newControl(name)
	c.explicit = true
	controls.named[name] = c
	return c
}

func newControl(name string) *Control {
	return &Control{
		name: name, newest: unknown, clients: map[Stream]*client{}, places: map[string]*place{},
		listings: map[string]*listings{},
	}
}

// control returns the control of the job in this process. It stays the job's when it is closed.
func (s settings) control() *Control {
	controls.Lock()
	defer controls.Unlock()
	if c := controls.jobs[s.Job]; c != nil {
		return c
	}
	c := controls.named[s.Control]
	if c == nil {
		c = newControl("")
	}
	c.mu.Lock()
	for _, p := range s.Positions { // an earlier job handed on what arrived before
		c.newest = max(c.newest, p.UpTo)
	}
	for _, id := range s.Streams { // none of whose shards are known yet
		if c.listings[id] == nil {
			c.listings[id] = newListings()
		}
	}
	c.mu.Unlock()
	if controls.jobs == nil {
		controls.jobs = map[string]*Control{}
	}
	controls.jobs[s.Job] = c
	return c
}

// Close ends all reading and frees the name. A job that still runs hands on nothing more.
func (c *Control) Close() {
	controls.Lock()
	if controls.named[c.name] == c {
		delete(controls.named, c.name)
	}
	controls.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	for _, p := range c.places {
		if p.reader != nil {
			p.reader.stop()
		}
	}
}

// Drain stops handing on records and waits until the calls in progress have returned, or ctx ends. From then on the watermark
// moves up to the arrival of the newest record that was handed on from any shard, also before the positions, so that what waits for what was read goes on, and
// never further. The job does not end: cancel it.
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

// enter begins a call that hands on records, unless the job drains.
func (c *Control) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return false
	}
	c.calls++
	return true
}

// leave ends a call.
func (c *Control) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls--; c.calls == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// drains tells whether no further records are handed on.
func (c *Control) drains() bool {
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

// A ShardStatus is how far a shard was read.
type ShardStatus struct {
	Stream    string // ID of the stream
	Shard     string
	Answered  int64 // ms since 1970, when the service last answered, also that there is nothing; 0: not yet
	BehindMS  int64 // behind the newest record of the shard, when what was read of it was last looked at
	Watermark int64 // ms since 1970: what arrived before was handed on; the lowest time of Beam while that is not known
	Open      bool  // not read to its end
}

// Shards returns the shards that the job has found in this process, in order.
func (c *Control) Shards() []ShardStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]ShardStatus, 0, len(c.places))
	for _, p := range c.places {
		list = append(list, ShardStatus{
			Stream: p.stream, Shard: p.shard, Answered: p.answered.Load(), BehindMS: p.behind, Watermark: p.bound(nil, true), Open: !p.done,
		})
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return a.Stream < b.Stream || a.Stream == b.Stream && a.Shard < b.Shard
	})
	return list
}

func (c *Control) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// sleep waits for a time, or until ctx ends.
func (c *Control) sleep(ctx context.Context, d time.Duration) error {
	if c.pause != nil {
		return c.pause(ctx, d)
	}
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retried counts and reports an error after which a call is made again.
func (c *Control) retried(stream, shard string, err error, throttled bool) {
	if throttled {
		c.counts.throttled.Add(1)
	} else {
		c.counts.retried.Add(1)
	}
	if c.Report != nil {
		c.Report(stream, shard, err)
		return
	}
	c.mu.Lock()
	now := c.now()
	quiet := now.Sub(c.logged) < time.Minute
	if !quiet {
		c.logged = now
	}
	c.mu.Unlock()
	if !quiet {
		log.Warnf(context.Background(), "%v; trying again", err)
	}
}

// client returns the client of a stream.
func (c *Control) client(ctx context.Context, s Stream) (*client, error) {
	c.mu.Lock()
	k := c.clients[s]
	c.mu.Unlock()
	if k != nil {
		return k, nil
	}
	k, err := dial(ctx, c, s)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clients[s] == nil {
		c.clients[s] = k
	}
	return c.clients[s], nil
}

// place returns where the reading of a shard stands in this process.
func (c *Control) place(stream, shard string, begin int64) *place {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := Key(stream, shard)
	p := c.places[key]
	if p == nil {
		p = newPlace(stream, shard, begin)
		c.places[key] = p
	}
	return p
}

// report returns what a runner is told, in a bundle, as the watermark of something that stands at own and was last reported to stand at before. It never goes
// back behind what was committed.
func (c *Control) report(own int64, before *int64, b *bundle) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.explicit {
		own = c.lowest(b)
	}
	if c.draining {
		own = max(own, c.newest)
	}
	*before = max(own, *before)
	return *before
}

// lowest returns the watermark of the job: the lowest of its shards, and of the times up to which they are known.
func (c *Control) lowest(b *bundle) int64 {
	low := c.complete()
	for _, p := range c.places {
		if !p.done {
			low = min(low, p.bound(b, false))
		}
	}
	return low
}

// room returns the bytes that readers may still hold.
func (c *Control) room(bytes int64) *budget {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.budget == nil {
		c.budget = newBudget(bytes)
	}
	return c.budget
}
