package telemetry

import (
	"sync/atomic"

	"flexbeam/schemas/evidence"
)

// Missing counts signs that events are missing, of all tasks and agents since the job's state began.
type Missing struct {
	counts [evidence.Kinds]atomic.Int64
}

// Add adds to the counts.
func (m *Missing) Add(c evidence.Counts) {
	for k, n := range c {
		if n != 0 {
			m.counts[k].Add(n)
		}
	}
}

// Counts returns the counts.
func (m *Missing) Counts() (c evidence.Counts) {
	for k := range c {
		c[k] = m.counts[k].Load()
	}
	return c
}
