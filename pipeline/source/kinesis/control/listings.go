package control

import (
	"maps"
	"slices"
)

// listings are what is known of the shards of a stream. Its control's lock guards them.
type listings struct {
	upTo     int64    // ms since 1970: every shard that was there then was handed on
	shards   []string // in the last listing
	count    int
	named    map[string]int // by shard, the last listing that named it, from 1; without those that are gone
	reported int64          // watermark
}

func newListings() *listings {
	return &listings{upTo: Unknown, reported: Unknown, named: map[string]int{}}
}

// add adds a listing every shard of which was handed on.
func (l *listings) add(shards []string, asOf int64) {
	l.upTo, l.shards = max(l.upTo, asOf), shards
	l.count++
	for _, id := range shards {
		l.named[id] = l.count
	}
	maps.DeleteFunc(l.named, func(id string, _ int) bool { return l.gone(id) })
}

// Many is how many listings tell what one that lags behind may not: that a shard is gone. A shard's
// end waits for so many of them for the shards that go on there.
const Many = 10

// gone tells whether many listings, one after the other, did not name a shard.
func (l *listings) gone(shard string) bool { return l.count-l.named[shard] >= Many }

// list returns the listings of a stream.
func (c *Control) list(stream string) *listings {
	l := c.listings[stream]
	if l == nil {
		l = newListings()
		c.listings[stream] = l
	}
	return l
}

// Found says that a shard is about to be read, in which nothing that is to be read arrived before a
// time in ms since 1970. One of the same ID that was read to its end was of an earlier stream.
func (c *Control) Found(stream, id string, begin int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.shards[key{stream, id}]; s == nil || s.done {
		c.shards[key{stream, id}] = newShard(begin)
	}
}

// Listed says that every shard of a listing was handed on: the shards of a stream that were there
// at a time in ms since 1970. What is known of shards that were read to their ends goes when they
// are gone for long.
func (c *Control) Listed(stream string, shards []string, asOf int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.list(stream)
	l.add(shards, asOf)
	maps.DeleteFunc(c.shards, func(k key, s *shard) bool { return k.stream == stream && s.done && l.gone(k.shard) })
}

// ListWatermark returns the watermark that the list of a stream's shards reports, in ms since 1970.
func (c *Control) ListWatermark(stream string, _ int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report(0, &c.list(stream).reported)
}

// Succeeded tells whether the shards that go on where one ended are listed. Listings may lag. Until
// then that shard is not done, so that neither the watermark nor a job that continues from saved
// positions passes by what the others have.
func (c *Control) Succeeded(stream, id string, children []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, s := c.list(stream), c.of(stream, id, Unknown)
	if s.waits == 0 {
		s.waits = l.count + Many
	}
	return l.count >= s.waits || !slices.ContainsFunc(children, func(child string) bool { return !slices.Contains(l.shards, child) })
}
