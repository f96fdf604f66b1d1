package beamstate

import (
	"context"
	"sync"

	"flexbeam/transforms/keyed"
)

// ahead looks up rows of keys before these are processed. A store such as BigQuery answers a question
// about a thousand keys as fast as one about one key, and Beam gives one key at a time. All transforms
// of a kind in a process share one.
type ahead struct {
	mu     sync.Mutex
	wanted [2]map[string]struct{} // keys that have got inputs and will ask; the second: those that are behind
	found  map[string]*keyed.Found
}

// How many keys are looked up together, and for how many the answer is kept until they ask.
const (
	mostAsked = 1000
	mostFound = 100_000
)

func newAhead() *ahead {
	return &ahead{wanted: [2]map[string]struct{}{{}, {}}, found: map[string]*keyed.Found{}}
}

func index(behind bool) int {
	if behind {
		return 1
	}
	return 0
}

// want notes that a key will ask for its rows.
func (w *ahead) want(key string, behind bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.found, key) // an answer to an older question
	if len(w.wanted[index(behind)]) < mostFound {
		w.wanted[index(behind)][key] = struct{}{}
	}
}

// find returns what the sink holds of a key that asks, and looks up others with it.
func (w *ahead) find(ctx context.Context, look *keyed.Looker, behind bool, ask keyed.Ask) (*keyed.Found, error) {
	w.mu.Lock()
	if f, ok := w.found[ask.Key]; ok {
		delete(w.found, ask.Key)
		w.mu.Unlock()
		return f, nil
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
		w.found[a.Key] = found[a.Key]
	}
	return found[ask.Key], nil
}

// asks returns a question with those of other keys that will ask. They want about the same span; where
// it is too short, they ask again.
func (w *ahead) asks(behind bool, ask keyed.Ask) []keyed.Ask {
	wanted := w.wanted[index(behind)]
	delete(wanted, ask.Key)
	asks, span := []keyed.Ask{ask}, ask.Span
	if span != keyed.Whole {
		span.From -= int64(keyed.Day)
	}
	for key := range wanted {
		if len(asks) == mostAsked {
			break
		}
		delete(wanted, key)
		asks = append(asks, keyed.Ask{Key: key, Span: span})
	}
	return asks
}
