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
// worker.* events count. asOf is the time up to which a running activity is known to last,
// event.None if nothing is known. A row is valid until emit returns.
func (f *Folder) Fold(account, worker string, events []*event.Event, asOf event.Millis, emit func(model.Row)) {
	f.pieces, f.times, f.from, f.cut = f.pieces[:0], f.times[:0], math.MaxInt64, math.MinInt64
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

// Runs tells whether an activity that is kept was still running at the end of the last Fold: its
// time goes on.
func (f *Folder) Runs() bool { return f.runs }

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

// version counts the worker's events from the start of a quarter hour up to and including the first
// one behind it. It also returns the time of that first one, or if there is none that of the newest
// event (contract, sections 7 and 9).
func (f *Folder) version(interval event.Millis) (version int64, updated event.Millis) {
	first, _ := slices.BinarySearch(f.times, interval)
	behind, _ := slices.BinarySearch(f.times, interval+Quarter)
	if behind < len(f.times) {
		return int64(behind - first + 1), f.times[behind]
	}
	return int64(behind - first), f.times[len(f.times)-1]
}

// Deleted returns the row_version with which a row is deleted that the last Fold does not yield. r
// has the row's key cells. ok is false for quarter hours of which the events tell nothing, since
// they end before the first of them or were cut off: the row of an earlier job stays as it is
// there. In the quarter hour in which the events begin, the version decides which job knows more.
func (f *Folder) Deleted(r model.Row) (version int64, ok bool) {
	if len(f.times) == 0 {
		return 0, false
	}
	interval := event.Millis(r[col.interval].Num)
	version, _ = f.version(interval)
	return version, interval >= Floor(max(f.from, f.cut))
}

var col = struct{ account, agent, interval, activity, sid, availability, seconds, updatedAt, version int }{
	account: model.AgentStatus.Col("account_sid"), agent: model.AgentStatus.Col("agent_id"), interval: model.AgentStatus.Col("interval_start"),
	activity: model.AgentStatus.Col("activity"), sid: model.AgentStatus.Col("activity_sid"),
	availability: model.AgentStatus.Col("availability"), seconds: model.AgentStatus.Col("seconds"),
	updatedAt: model.AgentStatus.Col("updated_at"), version: model.AgentStatus.Col("row_version"),
}
