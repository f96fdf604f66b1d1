package twiliolocal

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// A Fault says which calls go wrong, and how. Calls that match are numbered from 1; of these, the
// fault skips the first Skip, then strikes Count, of which only each Every-th, with Probability. So
// it is the same in every run that makes the same calls in the same order. Of several faults that
// strike a call, the first that was injected decides.
type Fault struct {
	Path   string // a part of the path, with its query behind a question mark; "" is every call
	Method string // "" is every method

	Skip, Count, Every int     // Count 0 is no bound; Every 0 and 1 are all
	Probability        float64 // 0 and 1 are certain
	Seed               uint64  // of the dice behind Probability

	Status     int           // of the answer, whose body is an error of Twilio's; 0: another fault
	HTML       bool          // the body is a page of HTML instead, as a proxy gives it
	RetryAfter string        // header of the answer
	Delay      time.Duration // before the answer
	Cut        bool          // the answer ends in the middle
	Reset      bool          // the connection is reset without an answer
	Lost       bool          // the same, once the call was carried out
	NoMeta     bool          // a page has no meta
	NoList     bool          // a page has no list
	Redirect   string        // Location of an answer with the status 302, or Status
	Next       string        // a page has this link to the next one
}

// An Injection is a fault at work.
type Injection struct {
	fault Fault
	set   *faults
	dice  *rand.Rand
	seen  int
	hits  int
}

// Hits returns how many calls were struck.
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
	i := &Injection{fault: f, set: &s.faults, dice: rand.New(rand.NewPCG(f.Seed, 0x7477696c696f))}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.all = append(s.faults.all, i)
	return i
}

type faults struct {
	mu  sync.Mutex
	all []*Injection
}

// strike returns the fault that strikes a call; the zero Fault if none does.
func (f *faults) strike(method, uri string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var hit *Fault
	for _, i := range f.all {
		if i.matches(method, uri) && i.roll() && hit == nil {
			hit = &i.fault
		}
	}
	if hit == nil {
		return Fault{}
	}
	return *hit
}

func (i *Injection) matches(method, uri string) bool {
	return strings.Contains(uri, i.fault.Path) && (i.fault.Method == "" || i.fault.Method == method)
}

// roll counts a call that matches and tells whether it is struck.
func (i *Injection) roll() bool {
	f := &i.fault
	i.seen++
	n := i.seen - f.Skip
	hit := n > 0 && (f.Every < 2 || (n-1)%f.Every == 0) && (f.Count == 0 || i.hits < f.Count) &&
		(f.Probability <= 0 || f.Probability >= 1 || i.dice.Float64() < f.Probability)
	if hit {
		i.hits++
	}
	return hit
}
