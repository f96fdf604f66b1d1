package keyed

import (
	"math"
	"strings"
	"sync"

	"flexbeam/schemas/event"
)

// A Kind says what a key of a store is.
type Kind byte

// The kinds of keys.
const (
	Task Kind = iota
	Worker
	numKinds
)

// How long the state of a live stream is kept, in ms of arrival time (docs/contract.md, section 10).
const (
	hour = 60 * 60 * 1000
	day  = 24 * hour

	// ClosedFor is how long a task that has ended waits for duplicates and late updates.
	ClosedFor = day
	// OpenFor is how long a task without an end waits for its next event.
	OpenFor = 15 * day
	// GoneFor is how long a marker tells that a task's state was dropped.
	GoneFor = 15 * day
	// SettledAfter is how late an event of a worker may arrive, behind newer ones of that worker.
	SettledAfter = day
	// contactFor is how long a contact is known that is not seen again.
	contactFor = day
)

// Live is what is known of a key of a live stream: its State and when it came. It is locked while a transform works on it.
type Live struct {
	sync.Mutex
	State

	Arrival int64 // arrival of the newest block, ms
	Since   int64 // arrival of the first block that waits to be folded, ms
	Closed  bool  // the task has ended
	Bound   int64 // of a worker: worker.* events up to it are late, ms; event.None: none is
	AsOf    int64 // of a worker: up to when a running activity was counted, ms; event.None: not at all
	Runs    bool  // of a worker: an activity runs, as far as its last fold knows

	marks   []mark
	ofNone  bool // these are the events of no task
	removed bool // the key is in no store any more
}

// mark is the newest time of a worker.* event among the blocks that arrived within an hour.
type mark struct {
	hour   int64
	newest int64
}

func newLive(kind Kind, key string) *Live {
	return &Live{State: State{Pending: event.None}, Arrival: event.None, Bound: event.None, AsOf: event.None, ofNone: kind == Task && nameless(key)}
}

// add appends a block.
func (l *Live) add(p Parcel) {
	l.Blocks = append(l.Blocks, p.Block...)
	l.Arrival = max(l.Arrival, p.Arrival)
	l.Closed = l.Closed || p.Ended
	if p.Newest == event.None {
		return
	}
	h := p.Arrival / hour
	for i := range l.marks {
		if l.marks[i].hour == h {
			l.marks[i].newest = max(l.marks[i].newest, p.Newest)
			return
		}
	}
	l.marks = append(l.marks, mark{h, p.Newest})
}

// SettleBound moves the bound of a worker up to its newest worker.* event that had arrived SettledAfter before now, and tells
// whether it moved.
func (l *Live) SettleBound(now int64) bool {
	kept := l.marks[:0]
	bound := l.Bound
	for _, m := range l.marks {
		if (m.hour+1)*hour+SettledAfter <= now {
			bound = max(bound, m.newest)
			continue
		}
		kept = append(kept, m)
	}
	l.marks = kept
	moved := bound > l.Bound
	l.Bound = bound
	return moved
}

// nameless tells whether a key is that of the events of no task.
func nameless(key string) bool { return strings.HasSuffix(key, "\x00") }

// Expires returns when the state of a task is dropped, if nothing comes until then, in ms. Its marker is forgotten GoneFor later.
func (l *Live) Expires() int64 {
	if l.Arrival == event.None {
		return math.MaxInt64
	}
	at := l.Arrival + OpenFor
	if l.Closed {
		at = l.Arrival + ClosedFor
	}
	return at
}

// Count notes how many distinct events and copies a fold met, and returns how many more these are than before.
func (s *State) Count(distinct, copies int64) (int64, int64) {
	d, c := distinct-s.Distinct, copies-s.Copies
	s.Distinct, s.Copies = distinct, copies
	return d, c
}

// disown makes the rows that an earlier process emitted those that the sink holds: that process may have written others after what is known of it.
func (s *State) disown() { s.Folds, s.emitted = 0, nil }

// recount counts the distinct events that an earlier process had counted; of a worker those that belong to no task.
func (l *Live) recount(kind Kind) error {
	events, err := event.Decode(l.Blocks, nil)
	if err != nil {
		return err
	}
	seen, all := make(map[string]bool, len(events)), 0
	for i := range events {
		if kind == Task || !events[i].OfTask {
			seen[events[i].ID] = true
			all++
		}
	}
	l.Distinct, l.Copies = int64(len(seen)), int64(all-len(seen))
	return nil
}
