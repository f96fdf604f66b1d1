package kinesisfake

import (
	"sort"
	"sync"
	"time"
)

// Stream states,
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StreamDescriptionSummary.html.
const (
	creating = "CREATING"
	deleting = "DELETING"
	active   = "ACTIVE"
	updating = "UPDATING"
)

// A stream is guarded by its mutex. Every use begins with settle, which makes it what it is at the
// time.
type stream struct {
	mu        sync.Mutex
	serial    uint64 // tells streams of one name apart
	name      string
	arn       string
	created   int64
	since     int64 // from when on sequence numbers count, ms
	onDemand  bool
	retention time.Duration
	maxRecord int // bytes
	maxBytes  int64
	status    string
	due       time.Time       // when status changes
	change    func(now int64) // then
	shards    []*shard        // by index; expired ones are left out
	open      []*shard        // by hash key
	next      int             // index of the next shard
	hide      int             // listings that leave out a new shard
	bytes     int64
	consumers []*consumer
	watchers  int
	wake      chan struct{} // closed at a change while there are watchers
	gone      bool
}

// settle ends a change that is due, and forgets what is older than the retention period.
func (st *stream) settle(now time.Time) {
	if st.change != nil && !now.Before(st.due) {
		change := st.change
		st.change, st.status = nil, active
		change(milliseconds(now))
		st.changed()
	}
	horizon := milliseconds(now.Add(-st.retention))
	kept := st.shards[:0]
	for _, h := range st.shards {
		if n := h.expired(horizon); n > 0 {
			st.bytes -= h.trim(n)
		}
		if h.closed == 0 || len(h.records) > 0 || h.closed >= horizon {
			kept = append(kept, h)
		}
	}
	clear(st.shards[len(kept):])
	st.shards = kept
	for _, c := range st.consumers {
		c.settle(now)
	}
}

// begin starts a change that takes wait.
func (st *stream) begin(status string, now time.Time, wait time.Duration, change func(now int64)) {
	st.status, st.due, st.change = status, now.Add(wait), change
	if wait <= 0 {
		st.settle(now)
	}
}

// changed wakes the subscriptions.
func (st *stream) changed() {
	if st.watchers > 0 {
		close(st.wake)
		st.wake = make(chan struct{})
	}
}

// addShard creates a shard at now.
func (st *stream) addShard(first, last hashKey, now int64, parents ...*shard) *shard {
	h := &shard{index: st.next, id: shardID(st.next), first: first, last: last, created: now, unlisted: st.hide}
	if len(parents) == 0 {
		h.unlisted = 0
	}
	for i, p := range parents {
		h.created = max(h.created, p.created+1)
		h.parentIDs = append(h.parentIDs, p.id)
		if i == 0 {
			h.parent = p.id
		} else {
			h.adjacent = p.id
		}
	}
	h.born = h.created - st.since
	st.next++
	st.shards = append(st.shards, h)
	at := sort.Search(len(st.open), func(i int) bool { return first.less(st.open[i].first) })
	st.open = append(st.open, nil)
	copy(st.open[at+1:], st.open[at:])
	st.open[at] = h
	return h
}

// close takes a shard out of service.
func (st *stream) close(h *shard, now int64) {
	h.closed = max(now, h.created)
	for i, o := range st.open {
		if o == h {
			st.open = append(st.open[:i], st.open[i+1:]...)
			return
		}
	}
}

// split replaces h by two shards, the second from at on.
func (st *stream) split(h *shard, at hashKey, now int64) {
	st.close(h, now)
	h.children = []*shard{st.addShard(h.first, at.previous(), now, h), st.addShard(at, h.last, now, h)}
}

// merge replaces two neighbours by one shard.
func (st *stream) merge(h, adjacent *shard, now int64) {
	st.close(h, now)
	st.close(adjacent, now)
	first, last := h.first, adjacent.last
	if adjacent.first.less(first) {
		first, last = adjacent.first, h.last
	}
	child := st.addShard(first, last, now, h, adjacent)
	h.children, adjacent.children = []*shard{child}, []*shard{child}
}

// spread splits and merges until n equal shards are open; shards that live for a moment may arise.
func (st *stream) spread(n int, now int64) {
	starts := evenStarts(n)
	for _, at := range starts {
		if h := st.at(at); h.first != at {
			st.split(h, at, now)
		}
	}
	for i, at := range starts {
		for {
			h := st.at(at)
			last := maxHashKey
			if i+1 < n {
				last = starts[i+1].previous()
			}
			if h.last == last {
				break
			}
			st.merge(h, st.at(h.last.next()), now)
		}
	}
}

// at finds the open shard of a hash key.
func (st *stream) at(k hashKey) *shard {
	return st.open[sort.Search(len(st.open), func(i int) bool { return k.less(st.open[i].first) })-1]
}

// shard finds a shard by its id, nil if there is none.
func (st *stream) shard(id string) *shard {
	for _, h := range st.shards {
		if h.id == id {
			return h
		}
	}
	return nil
}

// shrink trims the oldest records until the stream is within its bound.
func (st *stream) shrink() {
	for st.maxBytes > 0 && st.bytes > st.maxBytes {
		var oldest *shard
		for _, h := range st.shards {
			if len(h.records) > 0 && (oldest == nil || h.records[0].arrival < oldest.records[0].arrival) {
				oldest = h
			}
		}
		if oldest == nil {
			return
		}
		st.bytes -= oldest.trim(1)
	}
}
