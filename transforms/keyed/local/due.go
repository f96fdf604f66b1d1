package local

import (
	"maps"
	"slices"
	"sync"

	"flexbeam/transforms/keyed"
)

// All keys share the timers of one key of Beam, and wait for them here: a runner that looks at the
// timer of every key for each bundle, as Prism does, would have work that grows with the keys, not
// with what arrives. Keys that arrived within a step wait for its end together
// (docs/adr/0009-shared-timers.md).
const (
	// leastStep is the least length of a step, in ms of arrival time: rows appear so much later at
	// most.
	leastStep = 250
	// steps is into how many the arrivals of one batch are divided at most: one that was read after
	// an outage spans hours.
	steps = 16
)

// grid divides the arrivals of a batch into steps.
type grid struct{ step, newest keyed.Millis }

// gridOf returns the grid of arrivals between two times.
func gridOf(oldest, newest keyed.Millis) grid {
	return grid{max(leastStep, (newest-oldest)/steps), newest}
}

// end returns the end of the step that an arrival lies in, and no time behind the newest arrival.
func (g grid) end(arrival keyed.Millis) keyed.Millis {
	at := arrival / g.step * g.step
	if at < arrival {
		at += g.step
	}
	return min(at, g.newest)
}

// queue holds the keys of a kind that wait, by the time that the watermark has to pass.
type queue struct {
	mu   sync.Mutex
	keys map[keyed.Millis][]string
}

// add lets a key wait and tells whether it is the first that waits for that time.
func (q *queue) add(k string, at keyed.Millis) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first = q.keys[at] == nil
	q.hold(at)
	q.keys[at] = append(q.keys[at], k)
	return first
}

func (q *queue) hold(at keyed.Millis) {
	if q.keys == nil {
		q.keys = map[keyed.Millis][]string{}
	}
	if q.keys[at] == nil {
		q.keys[at] = []string{}
	}
}

// open makes a time one for which a timer is to be set, though no key may wait for it.
func (q *queue) open(at keyed.Millis) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hold(at)
}

// pop takes the keys that waited for a time that is not behind now, the longest first.
func (q *queue) pop(now keyed.Millis) (keys []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, at := range q.sorted() {
		if at > now {
			break
		}
		keys = append(keys, q.keys[at]...)
		delete(q.keys, at)
	}
	return keys
}

func (q *queue) sorted() []keyed.Millis { return slices.Sorted(maps.Keys(q.keys)) }

// times returns the times that keys wait for, in order: a timer has to be set for each.
func (q *queue) times() []keyed.Millis {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sorted()
}
