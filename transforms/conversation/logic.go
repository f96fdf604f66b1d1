package conversation

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"flexbeam/internal/span"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/model"
	"flexbeam/schemas/turn"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/keyed"
)

// Name is that of the kind whose keys are conversations: account and SID.
const Name = model.ConversationKind

const kindID = 3

func init() {
	register(Name, kindID, func(o Options, from keyed.Transcripts) keyed.Logic { return &logic{from, o.NoText} })
}

// register makes a kind known whose rules fetch transcripts.
func register(name string, id byte, rules func(Options, keyed.Transcripts) keyed.Logic) {
	keyed.Register(&keyed.Kind{
		Name: name, ID: id,
		// A conversation may live on over many tasks: one that is forgotten would attach its older
		// messages to the tasks that come then.
		Retention: keyed.Retention{Open: 30 * keyed.Day, Closed: 30 * keyed.Day},
		New: func(options []byte, env keyed.Env) (keyed.Logic, error) {
			var o Options
			if err := json.Unmarshal(options, &o); err != nil {
				return nil, err
			}
			if o.Fetch && env.Transcripts == nil {
				return nil, ErrNoTranscripts
			}
			return rules(o, env.Transcripts), nil
		},
	})
}

// ErrNoTranscripts says that a process cannot fetch what the job wants fetched.
var ErrNoTranscripts = errors.New("this process cannot fetch transcripts: run the job on a runner within its own process, or with --turns none")

// Options are the options of the rules.
type Options struct {
	Fetch  bool // transcripts are fetched; else what is known of conversations stays as it is
	NoText bool `json:",omitempty"` // texts are left out
}

// Spec returns the kind with its options.
func (o Options) Spec() keyed.Spec { return keyed.NewSpec(Name, o) }

const (
	// poll is how long it takes until one looks again whether a transcript is there.
	poll keyed.Millis = 1000
	// mostAttempts is how often a transcript is fetched that lacks messages.
	mostAttempts = 5
	// behind is how far the arrival of what is processed lies behind the clock when it is a replay.
	behind = 10 * time.Minute
)

// logic is the rules of conversations.
type logic struct {
	transcripts keyed.Transcripts
	noText      bool
}

// Merge implements keyed.Logic.
func (*logic) Merge(s *keyed.State, in *keyed.Input) ([]int, error) {
	account, sid, t, err := parseInput(in.Value)
	if err != nil {
		return nil, err
	}
	h, err := read(s.Value)
	if err != nil {
		return nil, err
	}
	h.Account, h.SID = account, sid
	if h.add(t) {
		s.Closed, s.Dirty = false, true
		s.Value = h.append(nil)
	}
	return nil, nil
}

// Process implements keyed.Logic.
func (l *logic) Process(s *keyed.State, now keyed.Millis, out *keyed.Output) (next keyed.Millis, err error) {
	h, err := read(s.Value)
	if err != nil {
		return keyed.None, err
	}
	h.noText = l.noText
	w := work{held: h, state: s, out: out, from: l.transcripts, now: now, bounded: out.Once || s.Arrival == keyed.None}
	if now == keyed.None {
		w.now = s.Arrival
	}
	if w.from != nil && w.from.Serves(h.Account) && now < keyed.End {
		if next, err = w.fetch(); err != nil || out.Ask != nil {
			return keyed.None, err
		}
	} else {
		next = keyed.None
	}
	if s.Dirty || w.took {
		var asks []question
		out.Changes, asks = h.Turns(out.Changes)
		h.tell(asks, s.Arrival, out)
	}
	if out.Once && !out.Pending && !out.Refused {
		s.Value = nil // nobody asks for it any more
		return next, nil
	}
	if value := h.append(nil); s.Dirty || !bytes.Equal(value, s.Value) {
		s.Value, s.Dirty = value, false
		s.Replace(s.Block) // what is on disk of the state is to be this
	}
	s.Closed = next == keyed.None && !out.Pending && !h.open()
	return next, nil
}

// open tells whether a task of the conversation is.
func (c *Conversation) open() bool {
	for i := range c.Tasks {
		if c.Tasks[i].Open {
			return true
		}
	}
	return false
}

// aside tells whether no task of the conversation is a reason to fetch it.
func (c *Conversation) aside() bool {
	return !slices.ContainsFunc(c.Tasks, func(t Task) bool { return !t.Aside })
}

// moments returns how many events there were behind which a transcript is to be fetched.
func (c *Conversation) moments() (n int) {
	for i := range c.Tasks {
		n += c.Tasks[i].Moments
	}
	return n
}

// work is one call of Process.
type work struct {
	*held
	state   *keyed.State
	out     *keyed.Output
	from    keyed.Transcripts
	now     keyed.Millis
	took    bool // a transcript was there
	bounded bool // all events are there, or come without telling when: one transcript is enough
}

// fetch takes the transcript that is there, and begins to fetch the one that is wanted. It returns
// when it is to be called again.
func (w *work) fetch() (next keyed.Millis, err error) {
	if w.begun {
		// Where timers tell no time, there is nothing better to do than to wait.
		t, begun, err := w.from.Take(w.Account, w.SID, w.bounded)
		switch {
		case err != nil:
			return keyed.None, err
		case t != nil:
			w.take(t)
		case begun:
			return w.again(), nil
		default: // it was another process that began it
			w.begun = false
		}
	}
	due, wanted := w.due()
	if !wanted || w.now != keyed.None && due > w.now {
		return due, nil
	}
	if had, known := w.had(); !known || had {
		return keyed.None, nil
	}
	if begin(w.from, w.Account, w.SID, w.bounded, w.out) {
		w.begun, w.asked, w.last = true, w.moments(), w.now
	}
	return w.again(), nil
}

// begin has something fetched, and tells whether it is. Where a timer tells no time it is in any case, and where there
// is no timer the driver is told if it is to call again.
func begin(from keyed.Transcripts, account, sid string, bounded bool, out *keyed.Output) bool {
	begun := from.Begin(account, sid, out.Must || bounded && !out.Once)
	out.Pending, out.Refused = begun, !begun
	return begun
}

// again returns when to look whether a transcript is there.
func (w *work) again() keyed.Millis { return again(w.now, w.bounded) }

func again(now keyed.Millis, bounded bool) keyed.Millis {
	if bounded && now == keyed.None {
		return 0
	}
	return (now/poll + 2) * poll
}

// due returns from when on a transcript is wanted; wanted is false for never.
func (w *work) due() (at keyed.Millis, wanted bool) {
	switch {
	case w.aside() || w.bounded && w.once:
		return keyed.None, false
	case w.attempts > 0:
		return w.last + w.every()*keyed.Millis(w.attempts)/mostAttempts, true
	case w.bounded || w.moments() > w.fetched:
		return keyed.None, true
	case !w.open():
		return keyed.None, false
	case w.last == keyed.None:
		w.last = w.now
	}
	return w.last + w.every(), true
}

// every returns how often the transcript of an open conversation is fetched.
func (w *work) every() keyed.Millis { return keyed.Millis(w.from.Every().Milliseconds()) }

// had tells whether the sink has the turns of the conversation, by the tasks' events that the job
// behind them knew: at least as many as this one. known is false if the sink is to be asked first.
func (w *work) had() (had, known bool) {
	replay := w.bounded || w.from.Now().Add(-behind).UnixMilli() > int64(w.state.Arrival)
	if w.once || w.attempts > 0 || !replay || !w.from.Had() {
		return false, true
	}
	if w.state.Ask(keyed.Whole, w.days, w.out) {
		return false, false
	}
	knew, ok, err := w.state.Foreign(func(_ model.TableID, r model.Row) (keyed.Unit, bool) {
		return keyed.Unit{At: r[len(r)-1].Num & mostKnown}, true
	})
	if had = err == nil && ok && knew >= w.known(); had {
		w.once, w.fetched = true, w.moments()
		w.from.Counted(keyed.Spared)
	}
	_ = w.state.ForgetEmitted(func(model.TableID, model.Row) bool { return true }) // of keys that Foreign has read
	return had, true
}

// days returns those on which there may be turns of the conversation: near its tasks.
func (c *Conversation) days() (days span.Set) {
	for i := range c.Tasks {
		t := &c.Tasks[i]
		days = days.Add(span.Days(int64(t.Start), keyed.Around))
		for _, s := range t.Stays {
			days = days.Add(span.Days(int64(s.Start), keyed.Around)).Add(span.Days(int64(max(s.Start, s.End)), keyed.Around))
		}
	}
	return days
}

// take takes a transcript that was fetched.
func (w *work) take(t *turn.Transcript) {
	w.begun, w.took = false, true
	w.out.Changes = w.Take(t, w.out.Changes)
	fault := t.Fault
	if fault == "" {
		fault = Faults(t)
	}
	switch {
	case t.Gone:
		if !w.once {
			w.from.Counted(keyed.Gone)
		}
	case fault != "" && t.Again && !w.bounded && w.attempts+1 < mostAttempts:
		w.attempts++
		return
	case fault != "":
		incomplete(w.from, w.out, w.Account, w.SID, fault)
	default:
		w.from.Counted(keyed.Fetched)
	}
	w.fetched, w.attempts, w.once = w.asked, 0, true
}

// incomplete tells of a transcript that lacks something, and is not fetched again.
func incomplete(from keyed.Transcripts, out *keyed.Output, account, sid, fault string) {
	from.Counted(keyed.Incomplete)
	out.Changes = deadletter.Letter{Position: sid, Index: -1, Class: telemetry.Incomplete, Error: fault}.Append(out.Changes, source, account, 0)
}

// source is what dead letters call the place that transcripts are from.
const source = "conversations"
