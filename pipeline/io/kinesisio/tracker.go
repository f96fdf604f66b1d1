package kinesisio

import (
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/sdf"
)

// restriction is what a tracker tracks: how far a reading went.
type restriction interface {
	ended() bool   // there is nothing behind it
	size() float64 // of what is behind it
}

// newTracker returns a tracker that stands at a restriction.
func newTracker[R restriction](at R) *sdf.LockRTracker {
	return sdf.NewLockRTracker(&tracker[R]{at: at})
}

// tracker claims restrictions: each says how far the reading went. What is behind is never split
// between two. It is used under the lock of sdf.LockRTracker.
type tracker[R restriction] struct {
	at      R
	stopped bool // the rest was handed to another
	err     error
}

// TryClaim claims everything up to pos.
func (t *tracker[R]) TryClaim(pos any) bool {
	to, ok := pos.(R)
	if !ok {
		t.err = fmt.Errorf("kinesis: claim of %T", pos)
		return false
	}
	if t.stopped {
		return false
	}
	t.at = to
	return true
}

// GetError returns why a claim failed.
func (t *tracker[R]) GetError() error { return t.err }

// TrySplit hands all that is left to another if fraction is 0. There is no other way to split the
// records of a shard: they are in order.
func (t *tracker[R]) TrySplit(fraction float64) (primary, residual any, err error) {
	if fraction > 0 || t.stopped || t.at.ended() {
		return t.at, nil, nil
	}
	t.stopped = true
	return t.at, t.at, nil
}

// GetProgress returns what is done and left. What is done of a shard without an end says nothing.
func (t *tracker[R]) GetProgress() (done, remaining float64) { return 0, t.at.size() }

// IsDone tells whether all is claimed.
func (t *tracker[R]) IsDone() bool { return t.stopped || t.at.ended() }

// GetRestriction returns where the tracker stands.
func (t *tracker[R]) GetRestriction() any { return t.at }

// IsBounded says that a shard may have no end.
func (t *tracker[R]) IsBounded() bool { return false }
