package kinesisfake

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Entry is the operation of a Fault that strikes single entries of PutRecords: the rest of the
// request succeeds.
const Entry = "PutRecords.Entry"

// A Fault says which calls go wrong, and how. Calls that match are numbered from 1; of these, the
// fault skips the first Skip, then strikes Count, of which only each Every-th, with Probability. So
// it is the same in every run that makes the same calls in the same order.
//
// A call may be struck by several faults: their delays add up, and the first that was injected
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
type Injection struct {
	fault Fault
	set   *faults
	dice  *rand.Rand
	seen  int // calls that matched
	hits  int
}

// Hits is how many calls were struck.
func (i *Injection) Hits() int {
	i.set.mu.Lock()
	defer i.set.mu.Unlock()
	return i.hits
}

// Remove ends the fault.
func (i *Injection) Remove() {
	i.set.mu.Lock()
	defer i.set.mu.Unlock()
	for n, o := range i.set.all {
		if o == i {
			i.set.all = append(i.set.all[:n:n], i.set.all[n+1:]...)
			return
		}
	}
}

// Inject puts a fault to work until it is removed.
func (s *Server) Inject(f Fault) *Injection {
	i := &Injection{fault: f, set: &s.faults, dice: rand.New(rand.NewPCG(f.Seed, 0x6b696e65736973))}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.all = append(s.faults.all, i)
	return i
}

type faults struct {
	mu  sync.Mutex
	all []*Injection
}

// strike returns the faults that strike a call.
func (f *faults) strike(operation, stream, shard string, now time.Time) []*Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var hit []*Fault
	for _, i := range f.all {
		if i.matches(operation, stream, shard, now) && i.roll() {
			i.hits++
			hit = append(hit, &i.fault)
		}
	}
	return hit
}

func (i *Injection) matches(operation, stream, shard string, now time.Time) bool {
	f := &i.fault
	return (f.Operation == operation || f.Operation == "" && operation != Entry) &&
		(f.Stream == "" || f.Stream == stream) &&
		(f.Shard == "" || f.Shard == shard) &&
		(f.From.IsZero() || !now.Before(f.From)) &&
		(f.Until.IsZero() || now.Before(f.Until))
}

// roll counts a call that matches and tells whether it is struck.
func (i *Injection) roll() bool {
	f := &i.fault
	i.seen++
	n := i.seen - f.Skip
	return n > 0 &&
		(f.Every < 2 || (n-1)%f.Every == 0) &&
		(f.Count == 0 || i.hits < f.Count) &&
		(f.Probability <= 0 || f.Probability >= 1 || i.dice.Float64() < f.Probability)
}

// announce counts the call and lets the faults strike that come before the operation.
func (q *request) announce(stream, shard string) error {
	q.Stream, q.Shard = stream, shard
	q.s.counts.add(q.Operation, stream, shard)
	if q.s.opts.OnCall != nil {
		q.s.opts.OnCall(q.Call)
	}
	var failed error
	for _, f := range q.s.faults.strike(q.Operation, stream, shard, q.Time) {
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
