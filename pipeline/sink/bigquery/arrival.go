package bigquery

import (
	"sync/atomic"
	"time"
)

// An arrival numbers the changes of this process in the order in which they were written. Of two
// changes with equal versions, the one with the greater number stays. A change that is sent again keeps
// its number, so it never overwrites what was written after it.
//
// The first number is the time of the first write in nanoseconds since 1970. So a process that starts
// later has greater numbers, as long as no process writes more than 1e9 rows a second and clocks do not
// step back between them.
type arrival struct{ last atomic.Int64 }

// advance makes all further numbers greater than the time now.
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
