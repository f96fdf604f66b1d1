package telemetry

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Shard is how far the reading of one shard is. It is open from the start until Close.
type Shard struct {
	Stream, ID string

	opened    time.Time
	counters  *Counters
	behind    atomic.Int64 // ms, behindUnknown before the first poll
	polled    atomic.Int64 // time of the last successful poll, ms; 0 before the first
	watermark atomic.Int64 // ms, 0 before the first
	moved     atomic.Int64 // when the watermark last advanced, ms
	closed    atomic.Bool
}

const behindUnknown = -1

type shards struct {
	mu  sync.RWMutex
	all map[[2]string]*Shard
}

// Shard returns a shard of a stream. The first call for a shard makes it, open, and tells that
// reading it begins: from then on the health check expects polls. Streams are told apart by the name
// given here, so two streams of one name in two accounts need different names here.
func (c *Counters) Shard(stream, id string) *Shard {
	key := [2]string{stream, id}
	c.shards.mu.RLock()
	s := c.shards.all[key]
	c.shards.mu.RUnlock()
	if s != nil {
		return s
	}
	c.shards.mu.Lock()
	defer c.shards.mu.Unlock()
	if s = c.shards.all[key]; s == nil {
		s = &Shard{Stream: stream, ID: id, opened: c.Now(), counters: c}
		s.behind.Store(behindUnknown)
		if c.shards.all == nil {
			c.shards.all = map[[2]string]*Shard{}
		}
		c.shards.all[key] = s
	}
	return s
}

// Shards returns all shards that were seen and not forgotten, by stream and id.
func (c *Counters) Shards() []*Shard {
	c.shards.mu.RLock()
	defer c.shards.mu.RUnlock()
	all := make([]*Shard, 0, len(c.shards.all))
	for _, s := range c.shards.all {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Shard) int { return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.ID, b.ID)) })
	return all
}

// RetainShards forgets all shards for which keep returns false.
func (c *Counters) RetainShards(keep func(stream, id string) bool) {
	c.shards.mu.Lock()
	defer c.shards.mu.Unlock()
	maps.DeleteFunc(c.shards.all, func(key [2]string, _ *Shard) bool { return !keep(key[0], key[1]) })
}

// Polled notes a successful poll: when it was, by the counters' clock, and by how many ms it was
// behind the tip of the shard, which is Kinesis' MillisBehindLatest.
func (s *Shard) Polled(at time.Time, behindMS int64) {
	s.behind.Store(max(0, behindMS))
	s.polled.Store(at.UnixMilli())
}

// SetWatermark notes up to which time of arrival the shard is read, in ms since the epoch. A time
// before the one that was set changes nothing.
func (s *Shard) SetWatermark(ms int64) {
	for {
		old := s.watermark.Load()
		if ms <= old {
			return
		}
		if s.watermark.CompareAndSwap(old, ms) {
			s.moved.Store(s.counters.Now().UnixMilli())
			return
		}
	}
}

// Close notes that the shard was read to its end. From then on it counts neither for Behind nor for
// the watermark.
func (s *Shard) Close() { s.closed.Store(true) }

// Open tells whether the shard may still give records.
func (s *Shard) Open() bool { return !s.closed.Load() }

// Behind returns how far the last poll was behind the tip of the shard; ok is false before the
// first poll.
func (s *Shard) Behind() (d time.Duration, ok bool) {
	ms := s.behind.Load()
	return time.Duration(ms) * time.Millisecond, ms != behindUnknown
}

// LastPoll returns the time of the last successful poll, zero before the first.
func (s *Shard) LastPoll() time.Time { return timeOf(s.polled.Load()) }

// Watermark returns up to which time of arrival the shard is read, zero before it is known.
func (s *Shard) Watermark() time.Time { return timeOf(s.watermark.Load()) }

// Behind returns how far the job is behind the tip of its streams: the most of any open shard. ok
// is false before the first poll.
func (c *Counters) Behind() (most time.Duration, ok bool) {
	for _, s := range c.Shards() {
		if d, known := s.Behind(); known && s.Open() {
			most, ok = max(most, d), true
		}
	}
	return most, ok
}

// Watermark returns up to which time of arrival the job has read: as its cluster says, else the least of
// its open shards whose watermark is known; zero when there is none.
func (c *Counters) Watermark() time.Time {
	if c.cluster.on.Load() {
		return timeOf(c.cluster.watermark.Load())
	}
	if s := c.last(); s != nil {
		return s.Watermark()
	}
	return time.Time{}
}

// WatermarkAge returns how far the watermark is behind the clock; ok is false while there is none.
func (c *Counters) WatermarkAge() (age time.Duration, ok bool) {
	w := c.Watermark()
	if w.IsZero() {
		return 0, false
	}
	return max(0, c.Now().Sub(w)), true
}

// last returns the open shard with the least watermark, nil when none is known.
func (c *Counters) last() (least *Shard) {
	for _, s := range c.Shards() {
		if !s.Open() || s.watermark.Load() == 0 {
			continue
		}
		if least == nil || s.watermark.Load() < least.watermark.Load() {
			least = s
		}
	}
	return least
}
