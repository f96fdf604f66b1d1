// Package fault puts faults to work in the local services, on a schedule: the same calls in the same
// order meet the same faults.
package fault

import (
	"math/rand/v2"
	"sync"
)

// A Schedule says which of the calls that match a fault it strikes. They are numbered from 1: it skips
// the first Skip, then strikes Count, of which only each Every-th, with Probability.
type Schedule struct {
	Skip        int     // calls left alone at first
	Count       int     // calls struck at most; 0 is no bound
	Every       int     // strikes the first and then each Every-th; 0 and 1 are all
	Probability float64 // of striking; 0 and 1 are certain
	Seed        uint64  // of the dice behind Probability
}

// A Set is the faults of a service. F says what goes wrong. The zero Set has none.
type Set[F any] struct {
	mu  sync.Mutex
	all []*Injection[F]
}

// An Injection is a fault at work.
type Injection[F any] struct {
	fault F
	when  Schedule
	set   *Set[F]
	dice  *rand.Rand
	seen  int // calls that matched
	hits  int
}

// Inject puts a fault to work until it is removed.
func (s *Set[F]) Inject(f F, when Schedule) *Injection[F] {
	i := &Injection[F]{fault: f, when: when, set: s, dice: rand.New(rand.NewPCG(when.Seed, 0x6661756c74))}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, i)
	return i
}

// Strike counts a call for the faults that match it, and returns those that strike it, in the order in
// which they were injected.
func (s *Set[F]) Strike(matches func(*F) bool) (struck []*F) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.all {
		if matches(&i.fault) && i.roll() {
			struck = append(struck, &i.fault)
		}
	}
	return struck
}

// roll counts a call that matches and tells whether it is struck.
func (i *Injection[F]) roll() bool {
	w := &i.when
	i.seen++
	n := i.seen - w.Skip
	hit := n > 0 && (w.Every < 2 || (n-1)%w.Every == 0) && (w.Count == 0 || i.hits < w.Count) &&
		(w.Probability <= 0 || w.Probability >= 1 || i.dice.Float64() < w.Probability)
	if hit {
		i.hits++
	}
	return hit
}

// Hits returns how many calls were struck.
func (i *Injection[F]) Hits() int {
	i.set.mu.Lock()
	defer i.set.mu.Unlock()
	return i.hits
}

// Remove ends the fault.
func (i *Injection[F]) Remove() {
	i.set.mu.Lock()
	defer i.set.mu.Unlock()
	for n, o := range i.set.all {
		if o == i {
			i.set.all = append(i.set.all[:n:n], i.set.all[n+1:]...)
			return
		}
	}
}
