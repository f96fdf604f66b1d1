package twilio

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
)

// A limit bounds the calls that are made at once. The limiter behind it looks for the number of
// calls at which answers stay quick. Refusals do not show in that, since they come quickly, so they
// lower a ceiling over it, which rises again with calls that succeed.
//
// It looks at the quicker half of the answers, since the slower ones tell how busy this process is, and
// does not look for what goes together: with a number of calls that hardly changes, a jitter of a
// few milliseconds does or does not go with it by chance, and the limiter would take away calls for that.
type limit struct {
	limiter adaptivelimiter.AdaptiveLimiter[any]
	most    float64

	mu      sync.Mutex
	ceiling float64
	refusal float64   // calls at once when one was refused last; 0: none was
	cut     time.Time // when the ceiling was lowered last
}

const (
	firstParallel = 5   // calls at once at the beginning
	keptShare     = 0.9 // of the calls at once, after one was refused
	near          = 3   // calls at once below or above a number at which one was refused

	// How many rounds of calls at once are to succeed until there may be one more. Each try beyond
	// what the account may costs a second or so, in which those that are refused wait.
	risingRounds     = 10
	risingRoundsNear = 100
)

func newLimit(most int) *limit {
	l := &limit{most: float64(most), ceiling: float64(most)}
	l.limiter = adaptivelimiter.NewBuilder[any]().
		WithLimits(1, uint(most), uint(min(most, firstParallel))).
		WithRecentWindow(250*time.Millisecond, 5*time.Second, 10).
		WithRecentQuantile(0.5).
		WithCorrelationWindow(1). // less than the ten samples from which on it counts
		WithMaxLimitFunc(func(int) float64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			return math.Floor(l.ceiling)
		}).
		Build()
	return l
}

// acquire waits for a place, or until ctx ends.
func (l *limit) acquire(ctx context.Context) (adaptivelimiter.Permit, error) {
	permit, err := l.limiter.AcquirePermit(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return permit, err
}

// refused lowers the ceiling: once for all calls that were refused at about the same time.
func (l *limit) refused() {
	inflight := float64(l.limiter.Inflight())
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.cut) >= time.Second {
		l.cut, l.refusal = now, min(l.ceiling, inflight)
		l.ceiling = max(1, math.Floor(l.refusal*keptShare))
	}
}

// succeeded raises the ceiling a little: less near the number at which calls were refused.
func (l *limit) succeeded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	rounds := float64(risingRounds)
	if math.Abs(l.ceiling-l.refusal) <= near {
		rounds = risingRoundsNear
	}
	l.ceiling = min(l.most, l.ceiling+1/(rounds*l.ceiling))
}
