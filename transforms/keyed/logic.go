// Package keyed holds the one road on which every job makes rows of events: what is known of a key
// (State), the rules that work on it (Logic), and what a new key of another kind has to say of itself
// (Kind). It is pure: no Beam, no locks, no clock but the watermark that is given to it. Only PriorRows,
// which reads for all keys of a process what a sink holds, is shared and locks.
//
// Three drivers keep states and call the rules. None of them knows what a task or a worker is:
//
//	keyed/grouped    a GroupByKey, for bounded sources, on any runner
//	keyed/beamstate  a state cell and a timer for each key, for remote runners and replays of files
//	keyed/local      one store in this process, with a log behind it, for streams on the embedded runner
//
// A driver adds what arrives to the state of its key (Kind.Add), and when the watermark has passed
// the time that the state waits for it brings the rows up to date (Kind.Process). The rules answer
// with changes of rows, inputs for keys of other kinds, and the time at which they want to be
// called again. What comes too late and when a state is dropped follows from arrival times alone,
// which are part of the state, so every driver decides alike (docs/contract.md, section 10).
package keyed

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
)

// Millis is a time in ms since 1970 UTC, or a span in ms. None stands for a missing one.
type Millis = event.Millis

// None is no time.
const None = Millis(event.None)

// Hour and Day are spans.
const (
	Hour Millis = 60 * 60 * 1000
	Day         = 24 * Hour
)

// End is where a watermark counts as the end of all time: a source has ended, or a runner drains.
// It proves nothing of the time before it, so no activity counts up to it, nothing is dropped and
// no timer is set. Beam's own end of time, in the year 294247, lies a few days behind it.
const End Millis = 9_223_371_000_000_000

// ahead is how far the clock of a service may be ahead of that of a process.
const ahead = time.Minute

// Fired returns how far the watermark has come when a timer has fired that was set for a time, in a
// process whose clock tells now: to that time, or to End. Nothing arrives in the future, so a timer
// that was set for it fires only since the watermark is at the end of time, when all do.
func Fired(at Millis, now time.Time) Millis {
	if int64(at) > now.Add(ahead).UnixMilli() {
		return End
	}
	return at
}

// A Kind says what a key stands for: a task, a worker, a contact. Another kind is another value of
// this type, registered where its rules are, and a place in the list of kinds of a job.
type Kind struct {
	Name string // in names of transforms, in metrics and errors
	ID   byte   // in encodings, from 0 without gaps; it never changes

	// Route returns the SID of the key that an event belongs to. It is nil for a kind whose keys get no
	// events but inputs of other kinds.
	Route func(e *event.Event) (sid string, ok bool)
	Field event.Field // where Route found the SID
	Part  event.Part  // what blocks of these events keep
	// Owns tells whether an event counts with this kind, and is told of when it comes too late;
	// else it does so with another kind. nil: all events do.
	Owns func(e *event.Event) bool

	// Closes tells whether nothing more is to be expected of a key behind an event of a kind; nil:
	// never.
	Closes    func(event.Kind) bool
	Retention Retention
	LateError string // why an event came too late, for its dead letter

	Immediate bool // inputs are processed when they come: the watermark decides nothing
	Volatile  bool // states need not outlive the process: the inputs come again

	New func(options []byte, env Env) (Logic, error) // from the options of a Spec
}

// The environment variables that may hold the contact key of a process, or name the file that does.
const (
	KeyVariable     = "FLEXBEAM_CONTACT_KEY"
	KeyFileVariable = "FLEXBEAM_CONTACT_KEY_FILE"
)

// Env is what the rules take from the process that they run in.
type Env struct {
	Texts      event.TextReader // reads the text of a record again; nil where it cannot be
	ContactKey string           // with which contacts are hashed; empty: they stay clear

	Transcripts Transcripts // nil where none are fetched

	Attributes *model.Attributes // that are read; nil: the built-in ones
	Found      func(Finding)     // is told what a job that heals has found; nil: nobody is. Of several goroutines at once
}

// Logic is the rules of a kind.
type Logic interface {
	// Merge adds an input to the state of its key and returns the places in it of events that come too
	// late, beyond those that Retention has found. It keeps nothing and may be called from several
	// goroutines at once.
	Merge(s *State, in *Input) (late []int, err error)

	// Process makes the rows of a key from its state and tells out how they differ from what was
	// emitted before. now is how far the watermark has come, None if that is not known. It returns
	// when it wants to be called again though nothing arrives, None for never. Where it has to know
	// more of the sink first (State.Ask) it returns at once. One goroutine at a time may call it.
	Process(s *State, now Millis, out *Output) (next Millis, err error)
}

// Retention says how long the state of a key is kept, in ms of arrival time since its newest input.
type Retention struct {
	Open      Millis // of a key that still waits for its end; 0: for ever
	Closed    Millis // of one whose end has come; 0: as Open
	Tombstone Millis // how long a tombstone then tells that the state was there, so that events are late
}

// least returns the shortest time after which a state may be dropped; 0: none is.
func (r Retention) least() Millis {
	if r.Open == 0 || r.Closed == 0 {
		return r.Open + r.Closed
	}
	return min(r.Open, r.Closed)
}

// Output takes what Process gives.
type Output struct {
	Changes  change.Block
	Inputs   []Input         // for keys of kinds behind this one
	Distinct int64           // distinct events beyond those that were counted before
	Copies   int64           // copies of events beyond those that were counted before
	Evidence evidence.Counts // of what is missing, beyond what was counted before
	Waited   Millis          // arrival of the first input that waited for this; None: nothing waited, or nobody knows

	Alone int64 // units that are left alone, beyond those that were counted before

	Chosen  int64 // tasks that were chosen (Choice.Holds)
	Unbegun int64 // those of them that are not written, since their begin was not read

	// Once says that the state is not kept, so nothing has to be remembered for a next time.
	Once bool
	// Look says how to look for rows of other jobs.
	Look Look
	// Ask is what the rules want to know of the sink first; nil: nothing. They have given nothing
	// else then, and are to be called again once the state has learnt it.
	Ask *Ask
	// Pending says that something was begun that is not there yet. Where no timer calls the rules
	// again they are to be called once more, and wait for it then.
	Pending bool
	// Refused says that something could not be begun, since so much is under way: with Once the rules
	// are to be called again when other keys were. Must is the driver's, and says that it is begun in any case.
	Refused, Must bool
}

// Info returns what Add needs to know of an event that arrived at a time.
func (k *Kind) Info(e *event.Event, arrival Millis) EventInfo {
	return EventInfo{e.Kind, e.Time, arrival, k.Owns == nil || k.Owns(e)}
}

// Expires returns from when on what arrives for a state comes too late; None: never.
func (k *Kind) Expires(s *State) Millis {
	r := k.Retention
	switch {
	case s.Arrival == None:
		return None
	case s.Closed && r.Closed != 0:
		return s.Arrival + r.Closed
	case r.Open == 0:
		return None
	}
	return s.Arrival + r.Open
}

// forgotten returns when the tombstone of a state goes that expires at a time.
func (k *Kind) forgotten(s *State, expires Millis) Millis {
	if s.Anonymous {
		return expires
	}
	return expires + k.Retention.Tombstone
}

// Buried returns the tombstone that tells of a state until a time.
func (k *Kind) Buried(until Millis) State {
	s := NewState()
	s.Tombstone, s.Closed = true, true
	s.Arrival = until - k.Retention.Tombstone - cmp.Or(k.Retention.Closed, k.Retention.Open)
	return *s
}

// Until returns until when a tombstone tells of a state; None if the state is never dropped.
func (k *Kind) Until(s *State) Millis {
	if at := k.Expires(s); at != None {
		return k.forgotten(s, at)
	}
	return None
}

// CeilHour returns the end of the hour that a time lies in: what is over goes by hours, so that it
// needs few timers.
func CeilHour(t Millis) Millis {
	if t == None {
		return None
	}
	return (t + Hour - 1) / Hour * Hour
}

// DropAt returns when the watermark lets a state go, the end of the hour in which it expires; of a
// tombstone, when that goes; None: never.
func (k *Kind) DropAt(s *State) Millis {
	if s.Tombstone {
		return CeilHour(k.Until(s))
	}
	return CeilHour(k.Expires(s))
}

// Add adds an input to the state of its key, and returns the places in it of the events that come
// too late: those that arrived when the state had expired and its tombstone had not. They are no
// longer part of in then. The outcome is the same for every cut of what arrives into inputs.
func (k *Kind) Add(l Logic, s *State, in *Input) (late []int, err error) {
	n := len(in.Events)
	if in.Value == nil {
		s.Anonymous = strings.HasSuffix(in.Key, "\x00")
	}
	if k.fits(s, in) {
		if late, err = l.Merge(s, in); err == nil && len(late) < max(n, 1) {
			s.arrived(k, in.Events)
			if in.Value != nil {
				s.Arrival = max(s.Arrival, in.Arrival)
			}
		}
	} else {
		late, err = k.addEach(l, s, in)
	}
	if err == nil && len(late) < max(n, 1) && (s.Since == None || in.Time < s.Since) {
		s.Since = in.Time
	}
	return late, err
}

// fits tells whether an input can be added as a whole, since none of its events arrives when the
// state, as the earlier ones leave it, has expired.
func (k *Kind) fits(s *State, in *Input) bool {
	least := k.Retention.least()
	if least == 0 {
		return true
	}
	first, last := in.span()
	if first == None {
		return true
	}
	if last-first >= least {
		return false
	}
	at := k.Expires(s)
	return at == None || last < at && !s.Tombstone
}

// addEach adds an input of which some events may come too late.
func (k *Kind) addEach(l Logic, s *State, in *Input) (late []int, err error) {
	if in.Value != nil {
		if k.over(s, in.Arrival) {
			return []int{0}, nil
		}
		s.Arrival = max(s.Arrival, in.Arrival)
		return l.Merge(s, in)
	}
	order := make([]int, len(in.Events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(in.Events[a].Arrival, in.Events[b].Arrival)
	})
	for _, i := range order {
		if k.over(s, in.Events[i].Arrival) {
			late = append(late, i)
			continue
		}
		s.arrived(k, in.Events[i:i+1])
		if !s.Waits() { // so that no later event of the input makes the state begin anew
			s.Since = in.Time
		}
	}
	slices.Sort(late)
	if len(late) == len(in.Events) {
		return late, nil
	}
	if err := in.Without(k.Part, late); err != nil {
		return nil, err
	}
	// The rules of a kind with a retention refuse nothing more: places would have to be translated.
	_, err = l.Merge(s, in)
	return late, err
}

// over tells whether what arrives at a time comes too late for a state. A state whose tombstone
// would be gone by then begins anew.
func (k *Kind) over(s *State, arrival Millis) bool {
	at := k.Expires(s)
	if at == None || arrival < at && !s.Tombstone {
		return false
	}
	if arrival < k.forgotten(s, at) {
		return true
	}
	if !s.Waits() {
		*s = *NewState()
	}
	return false
}

// Process brings the rows of a key up to date when the watermark has come to now, and lets go of
// what is over: first of the state, of which a tombstone stays, then of that. It returns when it is
// to be called again though nothing arrives (None: never), and whether nothing is left to keep.
// Where out.Ask is set it has done nothing yet: it is to be called again when the state has learnt
// that (Learn).
func (k *Kind) Process(l Logic, s *State, now Millis, out *Output) (next Millis, done bool, err error) {
	next, out.Waited, out.Ask, out.Pending, out.Refused = None, None, nil, false, false
	if !s.Waits() && now != None && now < End {
		if at := k.DropAt(s); at != None && at <= now {
			if s.Tombstone || k.Until(s) <= k.Expires(s) || CeilHour(k.Until(s)) <= now {
				return None, true, nil
			}
			s.bury()
		}
	}
	if !s.Tombstone {
		if s.Arrival != None {
			out.Waited = s.Since
		}
		if next, err = l.Process(s, now, out); err != nil {
			return None, false, fmt.Errorf("%s: %w", k.Name, err)
		}
		if out.Ask != nil {
			return None, false, nil
		}
		s.Since, s.fresh = None, false
	}
	if now >= End {
		return None, false, nil
	}
	if at := k.DropAt(s); at != None && (next == None || at < next) {
		next = at
	}
	return next, false, nil
}
