package telemetry

import (
	"maps"
	"sync"
)

// The classes of dead letters that only streams have. They are counted from the start, with zero, so
// that Prometheus sees the first dead letter as an increase.
const (
	Late = "late" // an event that came after its task's state was dropped
	Gap  = "gap"  // a range of records that fell out of the stream's retention before it was read
)

// unclassified is the class of dead letters that were added to the total without a class.
const unclassified = "unclassified"

// letters counts dead letters by class. They are rare enough for a lock.
type letters struct {
	mu      sync.Mutex
	byClass map[string]int64
}

// DeclareLetters lets classes count from zero before their first dead letter. Prometheus computes an
// increase only from a value that it has seen before.
func (c *Counters) DeclareLetters(classes ...string) {
	for _, class := range classes {
		c.DeadLetter(class, 0)
	}
}

// DeadLetter counts n dead letters of a class, the column error_class, and adds them to the total.
func (c *Counters) DeadLetter(class string, n int64) {
	c.letters.mu.Lock()
	defer c.letters.mu.Unlock()
	if c.letters.byClass == nil {
		c.letters.byClass = map[string]int64{}
	}
	c.letters.byClass[class] += n
	c.DeadLetters.Add(n)
}

// Letters returns the number of dead letters of each class. They add up to the total: what was
// added to DeadLetters alone is of class unclassified.
func (c *Counters) Letters() map[string]int64 {
	c.letters.mu.Lock()
	defer c.letters.mu.Unlock()
	all := map[string]int64{Late: 0, Gap: 0}
	maps.Copy(all, c.letters.byClass)
	rest := c.DeadLetters.Load()
	for _, n := range all {
		rest -= n
	}
	if rest > 0 {
		all[unclassified] += rest
	}
	return all
}

// LettersOf returns the number of dead letters of a class.
func (c *Counters) LettersOf(class string) int64 {
	c.letters.mu.Lock()
	defer c.letters.mu.Unlock()
	return c.letters.byClass[class]
}
