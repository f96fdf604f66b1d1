// Package agentstatus folds the events of one worker into the time that an agent spent in each
// activity, by quarter hour (contract, section 4).
//
// Every update of an activity tells which activity it ends and how long that lasted, so a missed
// update costs little: the time is taken from the next one. Pieces never overlap, so the quarter
// hours of an agent add up.
package agentstatus

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// Quarter is a quarter of an hour. Quarter hours are cut in UTC.
const Quarter event.Millis = 15 * 60 * 1000

// Longest is how much of a stretch in one activity counts: its last 1000 days. Without a
// limit a wrong clock, or a duration in a wrong unit, would make millions of rows (contract,
// limits).
const Longest event.Millis = 1000 * 24 * 60 * 60 * 1000

// DefaultHidden are the activities that are not kept.
var DefaultHidden = []string{"Offline"}

// A Folder folds workers. It reuses its memory and serves one goroutine.
type Folder struct {
	hidden []string
	pieces []piece
	times  []event.Millis
	from   event.Millis // the earliest time of which the events tell something
	cut    event.Millis // what lies before was cut off from a stretch that is too long
	asOf   event.Millis // up to when the time is known to have passed, event.None if nothing is known
	runs   bool         // an activity that is kept is still running
	row    model.Row
}

// NewFolder returns a Folder that drops the hidden activities, named in any case.
func NewFolder(hidden []string) *Folder {
	return &Folder{hidden: hidden, row: model.AgentStatus.NewRow()}
}

// piece is a stretch of time in one activity, within one quarter hour.
type piece struct {
	interval, from, to event.Millis
	activity, sid      string
	available          bool
}

// Fold calls emit with every row of a worker. events are its distinct events in order; only
// worker.* events count. asOf is the time up to which a running activity is known to last, and
// the quarter hours before which are settled; event.None if nothing is known. A row is valid until
// emit returns.
func (f *Folder) Fold(account, worker string, events []*event.Event, asOf event.Millis, emit func(model.Row)) {
	f.pieces, f.times, f.from, f.cut, f.asOf = f.pieces[:0], f.times[:0], math.MaxInt64, math.MinInt64, asOf
	var previous *event.Event // the last update
	var current *event.Event  // the update that entered the running activity, nil when none runs
	since := event.Millis(event.None)
	for _, e := range events {
		if !e.Kind.OfWorker() {
			continue
		}
		f.times = append(f.times, e.Time)
		f.from = min(f.from, e.Time)
		switch e.Kind {
		case event.WorkerDeleted:
			if current != nil {
				f.entered(current, since, e.Time)
			}
			current, since = nil, e.Time
		case event.WorkerActivityUpdate:
			from := since
			if previous == nil {
				from = event.None // without an update before, nothing tells since when
			}
			if d := e.InPreviousFor; d != event.None {
				f.from = min(f.from, e.Time-d)
				from = max(e.Time-d, since)
				if current != nil && from > since {
					// A gap belongs to the activity that was entered.
					f.entered(current, since, from)
				}
			}
			if from != event.None {
				f.ended(e, previous, from)
			}
			previous, current, since = e, e, e.Time
		}
	}
	f.runs = current != nil && current.Text[event.ActivityName] != "" && !f.isHidden(current.Text[event.ActivityName])
	if current != nil && asOf != event.None {
		f.entered(current, since, Floor(asOf))
	}
	f.rows(account, worker, emit)
}

// entered adds the time in the activity that an update entered.
func (f *Folder) entered(u *event.Event, from, to event.Millis) {
	name, sid := u.Text[event.ActivityName], u.Text[event.ActivitySID]
	f.add(piece{from: from, to: to, activity: name, sid: sid, available: availability(u, name, sid)})
}

// ended adds the time in the activity that an update ended. previous is the update before it, which
// may have entered it.
func (f *Folder) ended(u, previous *event.Event, from event.Millis) {
	name, sid := u.Text[event.PreviousActivityName], u.Text[event.PreviousActivitySID]
	f.add(piece{from: from, to: u.Time, activity: name, sid: sid, available: availability(previous, name, sid)})
}

// availability says whether an activity takes tasks: as the update that entered it says, else by
// its name.
func availability(entered *event.Event, name, sid string) bool {
	if entered != nil && entered.WorkerAvailable != event.Unknown {
		same := entered.Text[event.ActivityName] == name
		if s := entered.Text[event.ActivitySID]; s != "" && sid != "" {
			same = s == sid // a renamed activity is the same one
		}
		if same {
			return entered.WorkerAvailable == event.Yes
		}
	}
	return name == "Available"
}

// add cuts a stretch of time at the quarter hours. Time without a named activity belongs to nobody.
func (f *Folder) add(p piece) {
	f.from = min(f.from, p.from)
	if p.activity == "" || p.from >= p.to || f.isHidden(p.activity) {
		return
	}
	if p.from < p.to-Longest {
		p.from = p.to - Longest
		f.cut = max(f.cut, p.from)
	}
	for from := p.from; from < p.to; {
		q := Floor(from)
		to := min(p.to, q+Quarter)
		c := p
		c.interval, c.from, c.to = q, from, to
		f.pieces = append(f.pieces, c)
		from = to
	}
}

func (f *Folder) isHidden(activity string) bool {
	for _, h := range f.hidden {
		if strings.EqualFold(h, activity) {
			return true
		}
	}
	return false
}

// Floor returns the start of the quarter hour that holds a time.
func Floor(t event.Millis) event.Millis {
	q := t - t%Quarter
	if q > t {
		q -= Quarter
	}
	return q
}

// rows adds up the pieces of each quarter hour and activity. Of pieces that differ otherwise the
// latest decides.
func (f *Folder) rows(account, worker string, emit func(model.Row)) {
	slices.SortFunc(f.pieces, func(a, b piece) int {
		return cmp.Or(cmp.Compare(a.interval, b.interval), cmp.Compare(a.activity, b.activity), cmp.Compare(a.from, b.from))
	})
	for i := 0; i < len(f.pieces); {
		p := f.pieces[i]
		var sum event.Millis
		for ; i < len(f.pieces) && f.pieces[i].interval == p.interval && f.pieces[i].activity == p.activity; i++ {
			sum += f.pieces[i].to - f.pieces[i].from
			p = f.pieces[i]
		}
		version, updated := f.version(p.interval)
		r := f.row
		clear(r)
		r[col.account] = model.Text(account)
		r[col.agent] = model.Text(worker)
		r[col.interval] = model.Millis(p.interval)
		r[col.activity] = model.Text(p.activity)
		r[col.sid] = model.Text(p.sid)
		r[col.availability] = model.Text("Unavailable")
		if p.available {
			r[col.availability] = model.Text("Available")
		}
		r[col.seconds] = model.Seconds(sum)
		r[col.updatedAt] = model.Millis(updated)
		r[col.version] = model.Integer(version)
		emit(r)
	}
}

// version returns the row_version of a quarter hour: twice the number of the worker's events from its
// start up to and including the first one behind it, and 1 more if it is settled. It also returns the
// time of that first one, or if there is none that of the newest event (contract, sections 7 and 9).
func (f *Folder) version(interval event.Millis) (version int64, updated event.Millis) {
	first, _ := slices.BinarySearch(f.times, interval)
	behind, _ := slices.BinarySearch(f.times, interval+Quarter)
	count, updated := behind-first, f.times[len(f.times)-1]
	if behind < len(f.times) {
		count, updated = count+1, f.times[behind]
	}
	version = 2 * int64(count)
	if f.settled(interval) {
		version++
	}
	return version, updated
}

// settled tells whether nothing more is to be expected of a quarter hour: it is known to have passed,
// or the worker has an event at or behind its end. A job knows nothing of the time behind a worker's
// newest event.
func (f *Folder) settled(interval event.Millis) bool {
	end := interval + Quarter
	return f.asOf != event.None && f.asOf >= end || f.times[len(f.times)-1] >= end
}

// Settled tells whether a row_version is that of a settled quarter hour.
func Settled(version int64) bool { return version%2 != 0 }

// Known returns the first and the last quarter hour of which the events of the last Fold tell
// something: from the earliest time that they name to the newest event, or to where time is known to
// have passed. What lies before or behind is other jobs'. ok is false if they tell of no time.
func (f *Folder) Known() (first, last event.Millis, ok bool) {
	if len(f.times) == 0 {
		return 0, 0, false
	}
	last = f.times[len(f.times)-1]
	if f.asOf != event.None {
		last = max(last, f.asOf-1)
	}
	return Floor(max(f.from, f.cut)), Floor(last), true
}

// Open returns the end of the quarter hour that has to be folded again when it is over: the one that
// asOf lies in, if an activity runs, or the one of the newest event. ok is false if there is none:
// all that the events of the last Fold tell of is settled, and nothing runs.
func (f *Folder) Open() (end event.Millis, ok bool) {
	switch {
	case len(f.times) == 0 || f.asOf == event.None:
		return 0, false
	case f.runs:
		return Floor(f.asOf) + Quarter, true
	}
	end = Floor(f.times[len(f.times)-1]) + Quarter
	return end, end > f.asOf
}

// Deleted returns the row_version with which a row is deleted that the last Fold does not yield. r
// has the row's key cells. ok is false for quarter hours of which the events tell nothing: the row of
// an earlier job stays as it is there. In the quarter hour in which the events begin, the version
// decides which job knows more.
func (f *Folder) Deleted(r model.Row) (version int64, ok bool) {
	first, last, ok := f.Known()
	if !ok {
		return 0, false
	}
	interval := event.Millis(r[col.interval].Num)
	version, _ = f.version(interval)
	return version, first <= interval && interval <= last
}

var col = struct{ account, agent, interval, activity, sid, availability, seconds, updatedAt, version int }{
	account: model.AgentStatus.Col("account_sid"), agent: model.AgentStatus.Col("agent_id"), interval: model.AgentStatus.Col("interval_start"),
	activity: model.AgentStatus.Col("activity"), sid: model.AgentStatus.Col("activity_sid"),
	availability: model.AgentStatus.Col("availability"), seconds: model.AgentStatus.Col("seconds"),
	updatedAt: model.AgentStatus.Col("updated_at"), version: model.AgentStatus.Col("row_version"),
}
