// Package telemetry counts what a job does while it runs, for the progress line and the closing summary.
//
// Counters belong to a job, named by its id: the transforms of one process share them.
package telemetry

import (
	"sync"
	"sync/atomic"

	"flexbeam/schemas/model"
)

// Counters are the counters of one job in this process.
type Counters struct {
	BytesTotal  atomic.Int64 // size of the input, 0 when unknown
	Bytes       atomic.Int64 // input read
	Records     atomic.Int64 // records read, dead letters included
	Events      atomic.Int64 // records that gave an event
	Distinct    atomic.Int64 // distinct events that were folded
	Dropped     atomic.Int64 // test events and events outside TaskRouter
	DeadLetters atomic.Int64
	BadAttrs    atomic.Int64 // attributes that were no JSON object
	Changes     [16]atomic.Int64
	Deletes     atomic.Int64
}

var jobs sync.Map

// For returns the counters of a job.
func For(job string) *Counters {
	c, _ := jobs.LoadOrStore(job, new(Counters))
	return c.(*Counters)
}

// Forget drops the counters of a job.
func Forget(job string) { jobs.Delete(job) }

// Duplicates returns the number of events beyond the first of each; right once all events are folded.
func (c *Counters) Duplicates() int64 { return max(0, c.Events.Load()-c.Distinct.Load()) }

// Change counts a change of a table.
func (c *Counters) Change(t model.TableID, deleted bool) {
	if deleted {
		c.Deletes.Add(1)
		return
	}
	c.Changes[t].Add(1)
}
