package keyed

import (
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
)

// Keys of one kind share the timers of one key, and wait for them here: a runner that looks at the timer of every key for each
// bundle, as Prism does, would have work that grows with the keys, not with what arrives. Keys that arrived within a step wait
// for its end together.
const (
	// leastStep is the least length of a step, in ms of arrival time: rows appear so much later at most.
	leastStep = 250
	// steps is into how many the arrivals of one batch are divided at most: one that was read after an outage spans hours.
	steps = 16
)

// grid divides the arrivals of a batch into steps.
type grid struct{ step, newest int64 }

// gridOf returns the grid of arrivals between two times in ms.
func gridOf(oldest, newest int64) grid {
	return grid{max(leastStep, (newest-oldest)/steps), newest}
}

// end returns the end of the step that an arrival lies in, and no time behind the newest arrival.
func (g grid) end(arrival int64) int64 {
	at := arrival / g.step * g.step
	if at < arrival {
		at += g.step
	}
	return min(at, g.newest)
}

// queue holds the keys of one kind that wait, by the time in ms that the watermark has to pass.
type queue struct {
	mu   sync.Mutex
	keys map[int64][]string
}

// add lets a key wait and tells whether it is the first that waits for that time.
func (q *queue) add(key string, at int64) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first = q.keys[at] == nil
	q.open(at)
	q.keys[at] = append(q.keys[at], key)
	return first
}

// open makes a time one that keys may wait for.
func (q *queue) open(at int64) {
	if q.keys == nil {
		q.keys = map[int64][]string{}
	}
	if q.keys[at] == nil {
		q.keys[at] = []string{}
	}
}

// mark makes a time one for which a timer is to be set, though no key may wait for it.
func (q *queue) mark(at int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open(at)
}

// take takes the keys that waited for a time that is not behind now, the longest first.
func (q *queue) take(now int64) (keys []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, at := range q.times() {
		if at > now {
			break
		}
		keys = append(keys, q.keys[at]...)
		delete(q.keys, at)
	}
	return keys
}

// times returns the times that keys wait for, in order.
func (q *queue) times() []int64 { return slices.Sorted(maps.Keys(q.keys)) }

// Often is the tag of the timer of what is done again and again. Each time that keys wait for has a timer with a tag of its own.
const Often = "often"

// SetDue sets the timer of a time that keys wait for.
func SetDue(timer timers.EventTime, tp timers.Provider, at int64) {
	SetTimer(timer, tp, at, strconv.FormatInt(at, 10))
}

// Due notes that the watermark has passed a time and takes the keys that waited for that. Each is to be given to Folded, and counted by Done once what
// the fold gave is in the sink.
func (s *Store) Due(kind Kind, now int64) []string {
	s.pass(now)
	return s.Take(kind, now)
}

// Take is Due before the watermark has passed the time.
func (s *Store) Take(kind Kind, at int64) []string { return s.due[kind].take(at) }

// Watermark returns the latest time of which it is known that the watermark has passed it, in ms; event.None without one.
func (s *Store) Watermark() int64 { return s.passed.Load() }

// Times returns the times that keys of a kind wait for, in order: a timer has to be set for each.
func (s *Store) Times(kind Kind) []int64 {
	q := &s.due[kind]
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.times()
}

// Again lets a key be folded once more when the watermark has passed a time, for which a timer is set.
func (s *Store) Again(kind Kind, key string, at int64) { s.due[kind].add(key, at) }

// Arm tells, once for each kind, that the timer of what is done again and again is to be set.
func (s *Store) Arm(kind Kind) bool { return !s.armed[kind].Swap(true) }
