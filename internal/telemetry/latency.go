package telemetry

import "sync"

// A sight is a number of folds whose records came at about one time.
type sight struct {
	ms     int64
	events int64
}

// maxWaiting bounds the sights that wait for a flush: 2 MiB of them.
const maxWaiting = 1 << 17

// waiting holds what was folded and is not visible yet.
type waiting struct {
	mu    sync.Mutex
	seen  []sight
	spare []sight // memory of an earlier flush
}

// Observe says that rows were given to the sink for a record that arrived at a time, in ms: the
// first of those that waited for the fold. Its latency is counted when a flush has made them
// visible. Jobs whose source has an end keep no latencies.
func (c *Counters) Observe(arrivalMS int64) {
	if c.Unbounded.Load() {
		c.waiting.add(sight{arrivalMS, 1})
	}
}

// Latency returns how long it took from the arrival of records to visible rows.
func (c *Counters) Latency() Distribution { return c.latency.read(latencyBounds) }

func (w *waiting) add(s sight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.append(s)
}

func (w *waiting) append(s sight) {
	if n := len(w.seen); n > 0 && w.seen[n-1].ms == s.ms {
		w.seen[n-1].events += s.events
		return
	}
	if len(w.seen) >= maxWaiting {
		w.seen = thin(w.seen)
	}
	w.seen = append(w.seen, s)
}

// thin makes one sight of every two neighbours: the count stays, one of two times goes.
func thin(all []sight) []sight {
	half := all[:0]
	for i := 0; i+1 < len(all); i += 2 {
		half = append(half, sight{all[i].ms, all[i].events + all[i+1].events})
	}
	if len(all)%2 == 1 {
		half = append(half, all[len(all)-1])
	}
	return half
}

// take returns what waits and begins anew.
func (w *waiting) take() []sight {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen, w.spare = w.spare[:0], nil
	return seen
}

// recycle gives the memory back of what was counted.
func (w *waiting) recycle(seen []sight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = seen
}

// giveBack lets what was taken wait on.
func (w *waiting) giveBack(seen []sight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range seen {
		w.append(s)
	}
}
