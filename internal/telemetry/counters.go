// Package telemetry counts what a job does while it runs: for the progress line, the closing
// summary, the metrics and the health check, which all read the same counters.
//
// Counters belong to a job, named by its id: the transforms of one process share them. Everything
// may be called from any goroutine. What is called for every event or poll is an atomic addition or
// a short critical section; nothing is computed before someone asks.
package telemetry

import (
	"sync/atomic"
	"time"

	"flexbeam/schemas/model"
)

// Counters are the counters of one job in this process. The zero value counts.
type Counters struct {
	BytesTotal  atomic.Int64 // size of the input, 0 when unknown
	Bytes       atomic.Int64 // input read
	Records     atomic.Int64 // records read, dead letters included
	Events      atomic.Int64 // records that gave an event
	Distinct    atomic.Int64 // distinct events that were folded
	Repeats     atomic.Int64 // copies of events that folds met; see Folded
	Dropped     atomic.Int64 // test events, events outside TaskRouter, and Early
	Early       atomic.Int64 // events that happened before a job with a range reads
	DeadLetters atomic.Int64 // of any class; see DeadLetter
	BadAttrs    atomic.Int64 // attributes that were no JSON object
	Changes     [16]atomic.Int64
	Deletes     atomic.Int64     // of any table
	Deleted     [16]atomic.Int64 // deletes by table

	// What was left alone since another job knows more of it: tasks, and quarter hours of agents.
	TasksLeft, QuartersLeft atomic.Int64
	// Chosen are tasks that a job with a range chose.
	Chosen atomic.Int64
	// Unbegun are tasks that a job with a range chose and left out, since their begin was not read.
	Unbegun atomic.Int64

	// Transcripts of conversations: fetched, those that Twilio did not have when it was first asked,
	// and those that were not fetched since the sink has them.
	Transcripts struct{ Fetched, Gone, Spared atomic.Int64 }

	// Calls to Twilio.
	Twilio TwilioCalls

	// Unbounded says that the source has no end. Only then are latencies kept and progress is shown
	// without a share.
	Unbounded atomic.Bool

	// OpenTasks is the number of tasks that have begun and not ended.
	OpenTasks atomic.Int64

	// What the state holds, by what its keys are. A task is held for some time after its end.
	Tasks, Agents, Contacts Held

	// What went wrong between the source and its service, and was tried again: calls that were
	// refused because there were too many, iterators that expired, subscriptions that broke off.
	Throttled, Expired, Resubscribed atomic.Int64

	queries atomic.Pointer[func() (count, billed int64)]

	StateLog StateLog

	Missing Missing

	clock   func() time.Time // nil: time.Now
	started time.Time
	letters letters
	flushes flushes
	shards  shards
	cluster cluster
	waiting waiting
	latency Histogram
}

// New returns counters that belong to no job and take the time from a clock.
func New(clock func() time.Time) *Counters { return &Counters{clock: clock, started: clock()} }

// Now returns the time of the counters' clock.
func (c *Counters) Now() time.Time {
	if c.clock == nil {
		return time.Now()
	}
	return c.clock()
}

// Duplicates returns the number of events beyond the first of each. It is right once all events are
// folded; before, events that wait for their fold count too.
func (c *Counters) Duplicates() int64 { return max(0, c.Events.Load()-c.Distinct.Load()) }

// Folded counts the events that a fold took in: distinct events of which no copy was folded before,
// and copies of others. It adds them to Distinct and Repeats. Duplicates also counts events that
// still wait for their fold; Repeats never does.
func (c *Counters) Folded(distinct, copies int64) {
	c.Distinct.Add(distinct)
	c.Repeats.Add(copies)
}

// LeftAlone counts what a fold of a kind of key left alone: tasks, or quarter hours of agents.
func (c *Counters) LeftAlone(kind string, n int64) {
	switch kind {
	case model.TaskKind:
		c.TasksLeft.Add(n)
	case model.WorkerKind:
		c.QuartersLeft.Add(n)
	}
}

// SetQueries says what tells how many queries the sink has answered, and the bytes that it bills for.
func (c *Counters) SetQueries(f func() (count, billed int64)) { c.queries.Store(&f) }

// Queries returns how many queries the sink has answered for the job, and the bytes that it bills for
// them; 0 for a sink that has none.
func (c *Counters) Queries() (count, billed int64) {
	if f := c.queries.Load(); f != nil {
		return (*f)()
	}
	return 0, 0
}

// Change counts a change of a table.
func (c *Counters) Change(t model.TableID, deleted bool) {
	if deleted {
		c.Deletes.Add(1)
		c.Deleted[t].Add(1)
		return
	}
	c.Changes[t].Add(1)
}

// Held is what the state of one kind of key holds.
type Held struct {
	Keys  atomic.Int64 // how many keys have a state
	Bytes atomic.Int64 // the size of their states, encoded
	Disk  atomic.Int64 // part of Bytes that is on disk and not in memory
}

// Add counts keys that appeared, or went with a negative number, and bytes that came or went with them.
func (h *Held) Add(keys, bytes int64) {
	h.Keys.Add(keys)
	h.Bytes.Add(bytes)
}

// StateLog is the log in the state directory.
type StateLog struct {
	Bytes       atomic.Int64 // its size
	Live        atomic.Int64 // of these, what a restart would still need
	Compactions atomic.Int64
	synced      atomic.Int64 // ms, 0: never
}

// Synced says that everything up to now is on disk.
func (l *StateLog) Synced(now time.Time) { l.synced.Store(now.UnixMilli()) }

// LastSync returns the time of the last Synced, zero when there was none.
func (l *StateLog) LastSync() time.Time { return timeOf(l.synced.Load()) }

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
