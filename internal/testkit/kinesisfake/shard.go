package kinesisfake

import (
	"fmt"
	"time"
)

// A record is stored as the JSON text that GetRecords and subscriptions send.
type record struct {
	text    []byte
	arrival int64 // milliseconds since 1970
	size    int   // of the data and the partition key, in bytes
}

// overhead is what a record costs in memory beside its text.
const overhead = 48

// A shard holds the records of one range of hash keys. A record's place is counted from 0 since the
// shard was created, so that places stay valid while old records are trimmed.
type shard struct {
	index      int
	id         string
	first      hashKey
	last       hashKey
	created    int64 // milliseconds
	born       int64 // created as the sequence numbers tell it
	closed     int64 // 0 while open
	parent     string
	adjacent   string
	children   []*shard
	parentIDs  []string
	records    []record
	trimmed    uint64 // the place of records[0]
	bytes      int64  // of memory
	unlisted   int    // listings that leave it out
	calls      window // GetRecords calls
	iterators  window // GetShardIterator calls
	readBytes  bucket
	writeBytes bucket
	writes     bucket
}

func shardID(index int) string { return fmt.Sprintf("shardId-%012d", index) }

// end is the place behind the newest record.
func (h *shard) end() uint64 { return h.trimmed + uint64(len(h.records)) }

// clamp moves a place that was trimmed to the oldest record.
func (h *shard) clamp(place uint64) uint64 { return min(max(place, h.trimmed), h.end()) }

// trim forgets the n oldest records.
func (h *shard) trim(n int) (bytes int64) {
	for i := range h.records[:n] {
		bytes += int64(len(h.records[i].text)) + overhead
		h.records[i] = record{}
	}
	h.records = h.records[n:]
	h.trimmed += uint64(n)
	h.bytes -= bytes
	return bytes
}

// expired returns how many records from the oldest on arrived before horizon.
func (h *shard) expired(horizon int64) int {
	n := 0
	for n < len(h.records) && h.records[n].arrival < horizon {
		n++
	}
	return n
}

// sequenceAt is the number of the record that is stored at place.
func (h *shard) sequenceAt(place uint64, arrival int64) sequence {
	return sequence{created: uint64(h.born), place: place + 1, ms: uint64(max(arrival, 0)), shard: uint64(h.index)}
}

// starting is the number before all records.
func (h *shard) starting() sequence {
	return sequence{created: uint64(h.born), ms: uint64(h.created), shard: uint64(h.index)}
}

// ending is the number behind all records of a closed shard.
func (h *shard) ending() sequence {
	return sequence{created: uint64(h.born), place: h.end() + 1, ms: uint64(h.closed), shard: uint64(h.index)}
}

// progress is the number of the place before the record at place; it lies behind the number of the
// record before.
func (h *shard) progress(place uint64) sequence {
	ms := h.created
	if place > h.trimmed {
		ms = h.records[place-1-h.trimmed].arrival
	}
	return sequence{created: uint64(h.born), place: place, ms: uint64(max(ms, 0)), shard: uint64(h.index), behind: true}
}

// behind is MillisBehindLatest of a reader whose next record is at place and who was given those
// from from on. It is 0 only where nothing is left to read.
func (h *shard) behind(from, place uint64, now int64) int64 {
	if place >= h.end() {
		return 0
	}
	arrival := h.records[place-h.trimmed].arrival
	if place > from {
		arrival = h.records[place-1-h.trimmed].arrival
	}
	return max(now-arrival, 1)
}

// adjoins tells whether the ranges of two shards are one without a gap. The ends of the ring are no
// neighbours.
func (h *shard) adjoins(o *shard) bool {
	return h.first.less(o.first) && h.last.next() == o.first || o.first.less(h.first) && o.last.next() == h.first
}

// openAt tells whether the shard accepted records at t.
func (h *shard) openAt(t int64) bool { return h.created <= t && (h.closed == 0 || h.closed >= t) }

// milliseconds is how times travel.
func milliseconds(t time.Time) int64 { return t.UnixMilli() }
