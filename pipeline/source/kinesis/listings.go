package kinesis

import (
	"maps"
	"math"
	"slices"
	"time"
)

// listings are what is known of the shards of a stream in this process. Its control's lock guards it.
type listings struct {
	upTo   int64    // ms since 1970: every shard that was there then was handed on
	shards []string // in the last listing
	count  int
	named  map[string]int // by shard, the last listing that named it, from 1; without those that are gone
	failed int            // since the last one that did not

	reported int64 // watermark
}

func newListings() *listings {
	return &listings{upTo: unknown, reported: unknown, named: map[string]int{}}
}

// add adds a listing every shard of which was handed on.
func (o *listings) add(l listing) {
	o.upTo, o.shards, o.failed = max(o.upTo, l.asOf), l.shards, 0
	o.count++
	for _, id := range l.shards {
		o.named[id] = o.count
	}
	maps.DeleteFunc(o.named, func(id string, _ int) bool { return o.gone(id) })
}

// gone tells whether many listings, one after the other, did not name a shard.
func (o *listings) gone(shard string) bool { return o.count-o.named[shard] >= manyListings }

// of returns the listings of a stream.
func (c *Control) of(stream string) *listings {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.listings[stream]
	if l == nil {
		l = newListings()
		c.listings[stream] = l
	}
	return l
}

// found adds a shard that is about to be handed to its reader, in which nothing that is to be read arrived before a time in ms. One of the same ID that was read to its end
// was of an earlier stream.
func (c *Control) found(stream, shard string, at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key := Key(stream, shard); c.places[key] == nil || c.places[key].done {
		c.places[key] = newPlace(stream, shard, at)
	}
}

// listed says that every shard of a listing was handed on. What is known of shards that were read to their ends goes when they are gone for long.
func (c *Control) listed(stream string, l listing) {
	o := c.of(stream)
	c.mu.Lock()
	defer c.mu.Unlock()
	o.add(l)
	for key, p := range c.places {
		if p.stream == stream && p.done && o.gone(p.shard) {
			delete(c.places, key)
		}
	}
}

// longestDelay is how long the listing of a stream that fails rests at most.
const longestDelay = 16 * time.Second

// unlisted notes that the shards of a stream could not be listed, and says how long to wait.
func (c *Control) unlisted(stream string) time.Duration {
	o := c.of(stream)
	c.mu.Lock()
	defer c.mu.Unlock()
	o.failed++
	return min(resumeDelay<<min(o.failed-1, 10), longestDelay)
}

// manyListings is how many listings tell what one that lags behind may not: that a shard is gone. A shard's end waits for so many of them for those that go on there.
const manyListings = 10

// succeeded tells whether the shards that go on where one ended are listed. Listings may lag; until then that one is not done, so that neither the watermark nor
// a job that continues from saved positions passes by what the others have. A process that does not list, as without a Control, does not wait.
func (c *Control) succeeded(p *place, children []string) bool {
	o := c.of(p.stream)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.explicit {
		return true
	}
	if p.waits == 0 {
		p.waits = o.count + manyListings
	}
	if o.count >= p.waits {
		return true
	}
	for _, child := range children {
		if !slices.Contains(o.shards, child) {
			return false
		}
	}
	return true
}

// complete returns the time in ms up to which the shards of all streams are known.
func (c *Control) complete() int64 {
	low := int64(math.MaxInt64)
	for _, o := range c.listings {
		low = min(low, o.upTo)
	}
	return low
}
