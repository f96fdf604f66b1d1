package local

import (
	"sync"

	"flexbeam/internal/statedisk"
	"flexbeam/schemas/evidence"
)

// gone counts what was missing of the keys whose states are not in memory: they were spilled, or
// dropped. Those in memory are processed, and so counted, once more by the next process.
type gone struct {
	mu     sync.Mutex
	counts evidence.Counts
}

func (g *gone) add(c evidence.Counts) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts = g.counts.Plus(c)
}

func (g *gone) get() evidence.Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts
}

var evidenceKey = []byte{recordEvidence}

// leaves notes that a state with these counts goes out of memory, and has a batch say so.
func (s *Store) leaves(z *slot, b *statedisk.Batch, c evidence.Counts) {
	if c == (evidence.Counts{}) {
		return
	}
	s.gone.add(c)
	if z.kept {
		b.Append(evidenceKey, c.Append(nil))
	}
}

// returns notes that a state with these counts comes back into memory, and has a batch say so.
func (s *Store) returns(z *slot, b *statedisk.Batch, c evidence.Counts) {
	s.leaves(z, b, evidence.Counts{}.Minus(c))
}

// Missing returns what was counted as missing of the keys whose states are not in memory. At the
// start that is what the next process does not count again.
func (s *Store) Missing() evidence.Counts { return s.gone.get() }

// restoreEvidence takes what an earlier process counted.
func (s *Store) restoreEvidence(c statedisk.Change) error {
	counts, _, err := evidence.Read(c.Value)
	if err != nil {
		return err
	}
	if c.Op == statedisk.Put {
		s.gone.counts = evidence.Counts{}
	}
	s.gone.add(counts)
	return nil
}
