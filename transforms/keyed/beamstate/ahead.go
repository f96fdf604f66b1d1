package beamstate

import (
	"context"
	"math"
	"sync"
	"time"

	"flexbeam/internal/span"
	"flexbeam/transforms/keyed"
)

// ahead looks up rows of keys before these are processed. A store such as BigQuery answers a question
// about a thousand keys as fast as one about one key, and Beam gives one key at a time. All transforms
// of a kind in a process share one.
type ahead struct {
	mu     sync.Mutex
	now    func() time.Time
	wanted [2]map[string]span.Set // the days of keys that have got inputs and will ask; the second: of those that are behind
	found  map[string]answer
}

// An answer is what the sink held of a key that has not asked yet.
type answer struct {
	*keyed.Found
	at     time.Time
	days   span.Set
	behind bool
}

// How many keys are looked up together, and for how many the answer is kept until they ask.
const (
	mostAsked = 1000
	mostFound = 100_000
)

// answerCounts is for how long an answer counts where other jobs write to the sink too: about as long
// as a sink takes from a row to its flush. Keys may wait for their timers much longer.
const answerCounts = 10 * time.Second

func newAhead(now func() time.Time) *ahead {
	return &ahead{now: now, wanted: [2]map[string]span.Set{{}, {}}, found: map[string]answer{}}
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

// done forgets a key that was processed, whether it has asked or not: what was found counts no longer.
func (w *ahead) done(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.found, key)
	for _, wanted := range w.wanted {
		delete(wanted, key)
	}
}

// find returns what the sink holds of a key that asks, and looks up others with it.
func (w *ahead) find(ctx context.Context, look *keyed.Looker, behind bool, ask keyed.Ask) (*keyed.Found, error) {
	now := w.now()
	w.mu.Lock()
	if f, ok := w.found[ask.Key]; ok && look.Again() && f.old(now) {
		w.forget(now)
	}
	if f, ok := w.found[ask.Key]; ok {
		delete(w.found, ask.Key)
		if f.Answers(ask) {
			w.mu.Unlock()
			return f.Found, nil
		}
	}
	asks := w.asks(behind, ask)
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
		w.found[a.Key] = answer{found[a.Key], now, a.Days, behind}
	}
	return found[ask.Key], nil
}

func (a answer) old(now time.Time) bool { return now.Sub(a.at) > answerCounts }

// forget has the keys looked up again whose answers are old.
func (w *ahead) forget(now time.Time) {
	for key, f := range w.found {
		if f.old(now) {
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
