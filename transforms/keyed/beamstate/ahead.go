package beamstate

import (
	"context"
	"math"
	"sync"

	"flexbeam/internal/span"
	"flexbeam/transforms/keyed"
)

// ahead looks up rows of keys before these are processed. A store such as BigQuery answers a question
// about a thousand keys as fast as one about one key, and Beam gives one key at a time. All transforms
// of a kind in a process share one.
type ahead struct {
	mu      sync.Mutex
	wanted  [2]map[string]span.Set // the days of keys that have got inputs and will ask; the second: of those that are behind
	found   map[string]answer
	bundles int64 // how many have begun
	forgot  int64 // answers from before this one are gone
}

// An answer is what the sink held of a key that has not asked yet.
type answer struct {
	*keyed.Found
	bundle int64 // how many bundles had begun
	days   span.Set
	behind bool
}

// How many keys are looked up together, and for how many the answer is kept until they ask.
const (
	mostAsked = 1000
	mostFound = 100_000
)

func newAhead() *ahead {
	return &ahead{wanted: [2]map[string]span.Set{{}, {}}, found: map[string]answer{}}
}

func index(behind bool) int {
	if behind {
		return 1
	}
	return 0
}

// want notes that a key will ask for its rows, as far as it is known already of which days.
func (w *ahead) want(key string, days span.Set, behind bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.found, key) // an answer to an older question
	wanted := w.wanted[index(behind)]
	if have, ok := wanted[key]; ok || len(wanted) < mostFound {
		wanted[key] = have.Union(days)
	}
}

// bundle notes that a bundle begins, and returns its number.
func (w *ahead) bundle() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bundles++
	return w.bundles
}

// done forgets a key that was processed, whether it has asked or not: what was found counts no longer.
func (w *ahead) done(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.found, key)
	for _, wanted := range w.wanted {
		delete(wanted, key)
	}
}

// find returns what the sink holds of a key that asks, and looks up others with it. Where other jobs
// write to the sink too, an answer from before the bundle of the key counts no longer: keys may wait
// for their timers much longer than a bundle takes.
func (w *ahead) find(ctx context.Context, look *keyed.Looker, bundle int64, behind bool, ask keyed.Ask) (*keyed.Found, error) {
	w.mu.Lock()
	if look.Again() {
		w.forget(bundle)
	}
	if f, ok := w.found[ask.Key]; ok {
		delete(w.found, ask.Key)
		if f.Answers(ask) {
			w.mu.Unlock()
			return f.Found, nil
		}
	}
	asks := w.asks(behind, ask)
	began := w.bundles
	w.mu.Unlock()
	found, err := look.Find(ctx, asks)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.found) > mostFound { // of keys that are processed elsewhere by now
		clear(w.found)
	}
	for _, a := range asks[1:] {
		w.found[a.Key] = answer{found[a.Key], began, a.Days, behind}
	}
	return found[ask.Key], nil
}

// forget has the keys looked up again whose answers are from before a bundle.
func (w *ahead) forget(bundle int64) {
	if bundle <= w.forgot {
		return
	}
	w.forgot = bundle
	for key, f := range w.found {
		if f.bundle < bundle {
			delete(w.found, key)
			w.wanted[index(f.behind)][key] = f.days
		}
	}
}

// asks returns a question with those of other keys that will ask. They want about the same span and
// days; where these are too short, they ask again.
func (w *ahead) asks(behind bool, ask keyed.Ask) []keyed.Ask {
	wanted := w.wanted[index(behind)]
	delete(wanted, ask.Key)
	asks, from := []keyed.Ask{ask}, ask.Span
	if from != keyed.Whole {
		from.From -= int64(keyed.Day)
	}
	for key, days := range wanted {
		if len(asks) == mostAsked {
			break
		}
		delete(wanted, key)
		asks = append(asks, keyed.Ask{Key: key, Span: from, Days: earlier(ask.Days.Union(days))})
	}
	return asks
}

// earlier returns days with the one before each: a key may have events that came before its input.
func earlier(days span.Set) (all span.Set) {
	for _, d := range days {
		if d.From >= math.MinInt64+int64(keyed.Day) {
			d.From -= int64(keyed.Day)
		}
		all = all.Add(d)
	}
	return all
}
