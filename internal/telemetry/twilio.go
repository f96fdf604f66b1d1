package telemetry

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// waitBounds are those of how long calls to Twilio wait for a place.
var waitBounds = bounds{
	time.Millisecond, 5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// TwilioCalls counts the calls that a job makes to Twilio.
type TwilioCalls struct {
	mu       sync.Mutex
	requests map[TwilioRequests]int64
	retries  map[string]int64
	limits   map[TwilioLimit]func() int
	waits    Histogram
}

// TwilioRequests is what is counted of requests by.
type TwilioRequests struct{ Product, Outcome string }

// A TwilioLimit is what bounds calls at once: of an account, for one use of the job.
type TwilioLimit struct{ Account, Use string }

// Requested counts a request: an attempt of a call, how it ended, whether it is a further attempt, and
// how long it waited for a place among those that are made at once.
func (t *TwilioCalls) Requested(product, outcome string, retry bool, waited time.Duration) {
	t.waits.observe(waitBounds, waited, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.requests == nil {
		t.requests, t.retries = map[TwilioRequests]int64{}, map[string]int64{}
	}
	t.requests[TwilioRequests{product, outcome}]++
	if retry {
		t.retries[product]++
	} else {
		t.retries[product] += 0 // it is shown from the first request on
	}
}

// Limited says what tells how many calls may be made at once. A use that begins anew replaces it.
func (t *TwilioCalls) Limited(l TwilioLimit, calls func() int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limits == nil {
		t.limits = map[TwilioLimit]func() int{}
	}
	t.limits[l] = calls
}

// Requests calls f with how many requests there were, in order.
func (t *TwilioCalls) Requests(f func(r TwilioRequests, n int64)) {
	t.mu.Lock()
	all := maps.Clone(t.requests)
	t.mu.Unlock()
	for _, r := range slices.SortedFunc(maps.Keys(all), func(a, b TwilioRequests) int {
		return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.Outcome, b.Outcome))
	}) {
		f(r, all[r])
	}
}

// Retries returns how many of the requests were further attempts, by product.
func (t *TwilioCalls) Retries() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.retries)
}

// Limits returns how many calls may be made at once now.
func (t *TwilioCalls) Limits() map[TwilioLimit]int {
	t.mu.Lock()
	all := maps.Clone(t.limits)
	t.mu.Unlock()
	now := map[TwilioLimit]int{}
	for l, calls := range all {
		now[l] = calls()
	}
	return now
}

// TwilioWaits returns how long requests to Twilio waited for a place.
func (c *Counters) TwilioWaits() Distribution { return c.Twilio.waits.read(waitBounds) }
