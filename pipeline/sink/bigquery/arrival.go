package bigquery

import (
	"sync/atomic"
	"time"
)

// An arrival numbers the changes of this process in the order in which they were written, in
// nanoseconds since 1970 or later: so the numbers of a process that starts later are greater, as
// long as no process writes more than 1e9 rows a second and clocks do not step back between them.
// Of changes with equal versions the one with the greater number stays, and one that is sent again
// keeps its number: it never overwrites what was written after it.
type arrival struct{ last atomic.Int64 }

// advance brings the numbers up to the time.
func (a *arrival) advance(now time.Time) {
	n := now.UnixNano()
	for {
		last := a.last.Load()
		if last >= n || a.last.CompareAndSwap(last, n) {
			return
		}
	}
}

func (a *arrival) next() uint64 { return uint64(a.last.Add(1)) }
