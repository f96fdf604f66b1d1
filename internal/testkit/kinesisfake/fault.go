package kinesisfake

import (
	"time"

	"flexbeam/internal/testkit/fault"
)

// Entry is the operation of a Fault that strikes single entries of PutRecords: the rest of the
// request succeeds.
const Entry = "PutRecords.Entry"

// A Fault says which calls go wrong, and how. Of those that match it strikes the ones that its
// fault.Schedule says. A call may be struck by several faults: their delays add up, and the first that was injected
// decides on the error.
type Fault struct {
	Operation string // such as GetRecords or Entry; "" is every operation, without Entry
	Stream    string // "" is every stream
	Shard     string // "" is every shard

	Skip        int       // calls left alone at first
	Count       int       // calls struck at most; 0 is no bound
	Every       int       // strikes the first and then each Every-th; 0 and 1 are all
	Probability float64   // of striking; 0 and 1 are certain
	Seed        uint64    // of the dice behind Probability
	From, Until time.Time // by the server's clock; zero is always

	Error   string // code of the answer, such as ThroughputExceeded; the operation is not carried out
	Message string
	Delay   time.Duration // of the machine's clock, before anything happens
	Hold    chan struct{} // waits until it is closed, before anything happens
	// DropBefore closes the connection without carrying out the operation, DropAfter once it was
	// carried out: the caller cannot know that it was.
	DropBefore, DropAfter bool
	// Empty makes GetRecords return no records although there are some, with the MillisBehindLatest
	// of that place. The next iterator is at the same place.
	Empty bool
}

// An Injection is a fault at work.
type Injection = fault.Injection[Fault]

// Inject puts a fault to work until it is removed.
func (s *Server) Inject(f Fault) *Injection {
	return s.faults.Inject(f, fault.Schedule{Skip: f.Skip, Count: f.Count, Every: f.Every, Probability: f.Probability, Seed: f.Seed})
}

// strike returns the faults that strike a call.
func (s *Server) strike(operation, stream, shard string, now time.Time) []*Fault {
	return s.faults.Strike(func(f *Fault) bool {
		return (f.Operation == operation || f.Operation == "" && operation != Entry) &&
			(f.Stream == "" || f.Stream == stream) &&
			(f.Shard == "" || f.Shard == shard) &&
			(f.From.IsZero() || !now.Before(f.From)) &&
			(f.Until.IsZero() || now.Before(f.Until))
	})
}

// announce counts the call and lets the faults strike that come before the operation.
func (q *request) announce(stream, shard string) error {
	q.Stream, q.Shard = stream, shard
	q.s.counts.add(q.Operation, stream, shard)
	if q.s.opts.OnCall != nil {
		q.s.opts.OnCall(q.Call)
	}
	var failed error
	for _, f := range q.s.strike(q.Operation, stream, shard, q.Time) {
		if f.Delay > 0 {
			t := time.NewTimer(f.Delay)
			select {
			case <-t.C:
			case <-q.s.closed:
			}
			t.Stop()
		}
		if f.Hold != nil {
			select {
			case <-f.Hold:
			case <-q.s.closed:
			}
		}
		q.empty = q.empty || f.Empty
		q.drop = q.drop || f.DropAfter || f.DropBefore
		if failed == nil && (f.Error != "" || f.DropBefore) {
			failed = f.failure()
		}
	}
	return failed
}

func (f *Fault) failure() *apiError {
	e := &apiError{code: f.Error, message: f.Message}
	if e.code == "" {
		e.code = ServiceUnavailable // dropped
	}
	if e.message == "" {
		e.message = "injected"
	}
	return e
}

// ExpireIterators makes all shard iterators that were handed out expire now.
func (s *Server) ExpireIterators() { s.epoch.Add(1) }

// CutSubscriptions breaks the connections of all subscriptions and returns how many there were.
func (s *Server) CutSubscriptions() int { return s.subs.cut() }

// HideNewShards makes listings eventually consistent: a shard that is created by resharding from
// now on appears only after n calls of ListShards that leave it out.
func (s *Server) HideNewShards(stream string, n int) {
	st := s.must(stream)
	defer st.mu.Unlock()
	st.hide = n
}
