package twiliolocal

import (
	"strings"
	"time"

	"flexbeam/internal/testkit/fault"
)

// A Fault says which calls go wrong, and how. Of those that match it strikes the ones that its
// fault.Schedule says. Of several faults that strike a call, the first that was injected decides.
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
type Injection = fault.Injection[Fault]

// Inject puts a fault to work until it is removed.
func (s *Server) Inject(f Fault) *Injection {
	return s.faults.Inject(f, fault.Schedule{Skip: f.Skip, Count: f.Count, Every: f.Every, Probability: f.Probability, Seed: f.Seed})
}

// strike returns the fault that strikes a call; the zero Fault if none does.
func (s *Server) strike(method, uri string) Fault {
	struck := s.faults.Strike(func(f *Fault) bool { return strings.Contains(uri, f.Path) && (f.Method == "" || f.Method == method) })
	if len(struck) == 0 {
		return Fault{}
	}
	return *struck[0]
}
