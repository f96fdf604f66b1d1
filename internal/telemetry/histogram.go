package telemetry

import (
	"sync/atomic"
	"time"
)

// maxBounds is the number of bounds that a Histogram has room for.
const maxBounds = 20

// bounds are the upper ends of a histogram's buckets, ascending; a last bucket without end follows.
type bounds []time.Duration

var (
	flushBounds = bounds{
		time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
		10 * time.Second, 30 * time.Second, time.Minute,
	}
	latencyBounds = bounds{
		100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second,
		5 * time.Second, 7500 * time.Millisecond, 10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
		5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour,
	}
)

// A Histogram counts durations in buckets.
type Histogram struct {
	buckets [maxBounds + 1]atomic.Uint64
	sum     atomic.Int64 // µs
}

// observe counts a duration n times; one below zero counts as zero.
func (h *Histogram) observe(b bounds, d time.Duration, n int64) {
	d = max(d, 0)
	i := 0
	for i < len(b) && d > b[i] {
		i++
	}
	h.buckets[i].Add(uint64(n))
	h.sum.Add(d.Microseconds() * n)
}

// A Distribution is what a Histogram has counted.
type Distribution struct {
	Count   uint64
	Sum     float64            // seconds
	Buckets map[float64]uint64 // by upper bound in seconds, each with what the smaller ones hold
}

func (h *Histogram) read(b bounds) Distribution {
	d := Distribution{Buckets: make(map[float64]uint64, len(b))}
	for i := range b {
		d.Count += h.buckets[i].Load()
		d.Buckets[b[i].Seconds()] = d.Count
	}
	d.Count += h.buckets[len(b)].Load()
	d.Sum = float64(h.sum.Load()) / 1e6
	return d
}
