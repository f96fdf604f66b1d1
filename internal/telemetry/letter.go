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

// Incomplete is the class of transcripts of which messages could not be read.
const Incomplete = "turns_incomplete"

// unclassified is the class of dead letters that were added to the total without a class.
const unclassified = "unclassified"

// letters counts dead letters by class. They are rare enough for a lock.
type letters struct {
	mu       sync.Mutex
	byClass  map[string]int64
	examples map[string]Example
}

// An Example is one dead letter of a class: where its record stands, and what is wrong with it.
type Example struct {
	Position string
	Error    string
}

// before tells whether an example is kept and not another: of places in one file, the one with the
// least line.
func (e Example) before(f Example) bool {
	if len(e.Position) != len(f.Position) {
		return len(e.Position) < len(f.Position)
	}
	return e.Position < f.Position
}

// LetterExample is told of a dead letter. Of those of a class one is kept, whatever the order in which
// they come.
func (c *Counters) LetterExample(class string, e Example) {
	c.letters.mu.Lock()
	defer c.letters.mu.Unlock()
	if kept, ok := c.letters.examples[class]; ok && !e.before(kept) {
		return
	}
	if c.letters.examples == nil {
		c.letters.examples = map[string]Example{}
	}
	c.letters.examples[class] = e
}

// MostLetters returns the class that has the most dead letters, how many these are, and one of them. Of
// equal classes it is the first by name. Without dead letters the class is empty.
func (c *Counters) MostLetters() (class string, n int64, e Example) {
	c.letters.mu.Lock()
	defer c.letters.mu.Unlock()
	for name, count := range c.letters.byClass {
		if count > n || count == n && n > 0 && name < class {
			class, n = name, count
		}
	}
	return class, n, c.letters.examples[class]
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
