package telemetry

import "sync"

// An arrival counts folds whose records arrived at about the same time.
type arrival struct {
	ms    int64 // since the epoch
	folds int64
}

// maxWaiting is how many arrivals may wait for a flush. They take 2 MiB.
const maxWaiting = 1 << 17

// waiting holds the arrivals of what was folded and has not been flushed.
type waiting struct {
	mu    sync.Mutex
	all   []arrival
	spare []arrival // memory of an earlier flush, to be used again
}

// Observe notes that rows were given to the sink. arrivalMS is when the first record arrived that
// had waited for this fold, in ms since the epoch. The latency is counted by the next flush that
// succeeds, which makes the rows visible. Only jobs whose source has no end keep latencies.
func (c *Counters) Observe(arrivalMS int64) {
	if c.Unbounded.Load() {
		c.waiting.add(arrival{arrivalMS, 1})
	}
}

// Latency returns how long it took from the arrival of records to visible rows.
func (c *Counters) Latency() Distribution { return c.latency.read(latencyBounds) }

func (w *waiting) add(a arrival) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.append(a)
}

func (w *waiting) append(a arrival) {
	if n := len(w.all); n > 0 && w.all[n-1].ms == a.ms {
		w.all[n-1].folds += a.folds
		return
	}
	if len(w.all) >= maxWaiting {
		w.all = thin(w.all)
	}
	w.all = append(w.all, a)
}

// thin merges every two neighbours into one. No fold is lost, but the second of the two gets the
// time of the first.
func thin(all []arrival) []arrival {
	half := all[:0]
	for i := 0; i+1 < len(all); i += 2 {
		half = append(half, arrival{all[i].ms, all[i].folds + all[i+1].folds})
	}
	if len(all)%2 == 1 {
		half = append(half, all[len(all)-1])
	}
	return half
}

// take returns all arrivals that wait, and leaves none.
func (w *waiting) take() []arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.all
	w.all, w.spare = w.spare[:0], nil
	return taken
}

// recycle takes the memory of arrivals that were counted, to use it again.
func (w *waiting) recycle(counted []arrival) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = counted
}

// putBack lets arrivals that were taken wait for the next flush.
func (w *waiting) putBack(taken []arrival) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range taken {
		w.append(a)
	}
}
