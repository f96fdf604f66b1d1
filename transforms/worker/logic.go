package worker

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"

	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/conversation"
	"flexbeam/transforms/keyed"
)

// Name is that of the kind whose keys are workers: account and worker SID.
const Name = model.WorkerKind

// finalAfter is how late an event of a worker may arrive, behind newer ones of that worker
// (docs/contract.md, section 10).
const finalAfter = keyed.Day

func init() {
	keyed.Register(&keyed.Kind{
		Name: Name, ID: 1,
		Route: func(e *event.Event) (string, bool) {
			worker := e.Text[event.WorkerSID]
			return worker, worker != ""
		},
		Field: event.WorkerSID, Part: event.WorkerPart,
		Owns:      func(e *event.Event) bool { return !e.OfTask && e.Text[event.TaskSID] == "" },
		LateError: "its worker's time up to then was settled a day after newer events had arrived",
		New: func(options []byte, env keyed.Env) (keyed.Logic, error) {
			var o Options
			if err := json.Unmarshal(options, &o); err != nil {
				return nil, err
			}
			o.Texts, o.Attributes = env.Texts, env.Attributes
			return &logic{folder: NewFolder(o), namer: conversation.NewNamer(o.Attributes), options: o, found: env.Found}, nil
		},
	})
}

// Spec returns the kind with its options.
func (o Options) Spec() keyed.Spec { return keyed.NewSpec(Name, o) }

// logic is the rules of workers.
//
// The bound of a worker in a live stream is the time of the newest worker.* event that had arrived
// a day ago, by hours of arrival: what is not newer comes too late. So a worker keeps its events
// from the quarter hour on that holds the bound, and of those before it what later ones build on.
// Of the events of tasks it keeps those that the agent's row is made from.
//
// The value of its state are the names that it was known by when the names of authors were told last.
type logic struct {
	folder  *Folder
	namer   *conversation.Namer
	options Options
	found   func(keyed.Finding) // nil: nobody is told
	events  []event.Event       // those of the key at hand
}

// Merge implements keyed.Logic. A worker.* event comes too late if it is not newer than the bound
// at the time when it arrived.
func (l *logic) Merge(s *keyed.State, in *keyed.Input) (late []int, err error) {
	order := byArrival(in.Events)
	for _, i := range order {
		e := in.Events[i]
		if !e.Kind.OfWorker() || e.Arrival == keyed.None {
			continue
		}
		if e.Time <= boundAt(s, e.Arrival) {
			late = append(late, i)
			continue
		}
		note(s, e)
	}
	slices.Sort(late)
	if len(late) < len(in.Events) {
		if err := in.Without(event.WorkerPart, late); err != nil {
			return nil, err
		}
		s.Block = append(s.Block, in.Block...)
	}
	return late, nil
}

// inOrder is the order of events that arrived one by one, as most do.
var inOrder = [...]int{0}

// byArrival returns the places of events in the order in which they arrived.
func byArrival(events []keyed.EventInfo) []int {
	if len(events) == 1 {
		return inOrder[:]
	}
	order := make([]int, len(events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(events[a].Arrival, events[b].Arrival) })
	return order
}

// boundAt returns the bound at an arrival: worker.* events that arrive then come too late if their
// time is not behind it.
func boundAt(s *keyed.State, arrival keyed.Millis) keyed.Millis {
	bound := s.Bound
	for _, b := range s.Buckets {
		if (b.Hour+1)*keyed.Hour+finalAfter <= arrival {
			bound = max(bound, b.Newest)
		}
	}
	return bound
}

// note takes a worker.* event into the bucket of its arrival. An event with a time behind its
// arrival counts with its arrival: a wrong clock must not make late what comes after it.
func note(s *keyed.State, e keyed.EventInfo) {
	hour, newest := e.Arrival/keyed.Hour, min(e.Time, e.Arrival)
	for i := range s.Buckets {
		if s.Buckets[i].Hour == hour {
			s.Buckets[i].Newest = max(s.Buckets[i].Newest, newest)
			return
		}
	}
	s.Buckets = append(s.Buckets, keyed.Bucket{Hour: hour, Newest: newest})
}

// moveBound moves the bound of a worker to what it is when the watermark has come to now, and tells
// whether it moved.
func moveBound(s *keyed.State, now keyed.Millis) bool {
	bound := boundAt(s, now)
	s.Buckets = slices.DeleteFunc(s.Buckets, func(b keyed.Bucket) bool { return (b.Hour+1)*keyed.Hour+finalAfter <= now })
	moved := bound > s.Bound
	s.Bound = bound
	return moved
}

// Process implements keyed.Logic. A running activity counts up to the last quarter hour that the
// watermark has passed. A worker with one, or with an event in the quarter hour that the watermark is
// in, is processed again at the end of that, so that its rows become settled.
func (l *logic) Process(s *keyed.State, now keyed.Millis, out *keyed.Output) (next keyed.Millis, err error) {
	live := s.Arrival != keyed.None && now < keyed.End
	if live {
		s.AsOf = max(s.AsOf, now)
	}
	groups, err := s.Groups(event.WorkerSID, &l.events)
	if err != nil {
		return keyed.None, err
	}
	names := l.names(groups) // before they are folded, which takes copies of events out of groups
	if l.options.Choice != nil {
		err = l.choose(s, groups, out)
	} else {
		err = l.fold(s, groups, openFrom(s.Bound, groups), out)
	}
	if err != nil || out.Ask != nil {
		return keyed.None, err
	}
	if err := l.tell(s, groups, names, out); err != nil {
		return keyed.None, err
	}
	if !live || l.options.Choice != nil {
		return keyed.None, nil
	}
	if s.AsOf != keyed.None && moveBound(s, s.AsOf) || spare(groups) > mostSpare {
		if err := l.release(s, groups); err != nil {
			return keyed.None, err
		}
	}
	if _, _, ok := l.folder.Known(); ok && s.AsOf == keyed.None {
		return s.Arrival, nil // once it is known how far the watermark has come
	}
	end, open := l.folder.Open()
	if s.Resumed {
		// Rows that the earlier process gave of later quarter hours are settled anew once these are
		// over.
		at, ok, err := s.Foreign(quarterHour)
		if later := keyed.Millis(at) + agentstatus.Quarter; err != nil {
			return keyed.None, err
		} else if ok && later > s.AsOf && (!open || later < end) {
			return later, nil
		}
	}
	if open {
		return end, nil
	}
	return keyed.None, nil
}

// names returns the names that events show for the worker of each group; nil where nobody asks for them.
func (l *logic) names(groups []event.Group) (names [][]string) {
	if !l.options.Turns {
		return nil
	}
	for _, g := range groups {
		names = append(names, l.namer.Of(g.Events))
	}
	return names
}

// tell tells names of authors that they are the worker's, once each.
func (l *logic) tell(s *keyed.State, groups []event.Group, names [][]string, out *keyed.Output) error {
	if names == nil {
		return nil
	}
	told, err := conversation.ReadTold(s.Value)
	if err != nil {
		return err
	}
	known := len(told)
	for i, g := range groups {
		for _, name := range names[i] {
			if !slices.Contains(told, name) {
				told = append(told, name)
				out.Inputs = append(out.Inputs, conversation.ObserveName(g.Account, g.SID, name, s.Arrival)...)
			}
		}
	}
	if len(told) > known {
		s.Value = conversation.AppendTold(nil, told)
		s.Replace(s.Block) // what is on disk of the state is to be this
	}
	return nil
}

// fold gives the rows of a worker that are not final: those of the quarter hours from open on, or all
// if open is keyed.None. The others are not touched any more.
func (l *logic) fold(s *keyed.State, groups []event.Group, open keyed.Millis, out *keyed.Output) error {
	diff, err := s.Diff(out, quarterHour)
	if err != nil {
		return err
	}
	emit, deleted := diff.Row, l.folder.Deleted
	if final := finalBefore(open); final != nil {
		emit = func(t model.TableID, r model.Row) {
			if !final(t, r) {
				diff.Row(t, r)
			}
		}
		// A sink that is asked again tells of rows that are final, of this job too: they stay.
		deleted = func(t model.TableID, r model.Row) (int64, bool) {
			if final(t, r) {
				return 0, false
			}
			return l.folder.Deleted(t, r)
		}
	}
	asOf := max(s.AsOf, l.options.AsOf)
	given := len(out.Changes)
	var own, all int64
	var missing evidence.Counts
	for _, g := range groups {
		for _, e := range g.Events {
			if !e.OfTask {
				all++
			}
		}
		n, err := l.folder.FoldAsOf(g.Account, g.SID, g.Events, asOf, emit)
		if err != nil {
			return err
		}
		own += int64(n)
		missing = missing.Plus(l.folder.Evidence())
		first, last, ok := l.folder.Known()
		first = max(first, open)
		ask := keyed.Span{From: int64(first), To: int64(last)}
		if s.Resumed { // the earlier process may have got further than what it kept
			ask.To = math.MaxInt64
		}
		if ok && first <= last && s.Ask(ask, nil, out) {
			out.Changes = out.Changes[:given]
			return nil
		}
	}
	s.CountEvidence(missing, out)
	s.Count(own, all-own, out)
	return diff.Done(deleted)
}

// quarterHour says that the rows of a quarter hour of a worker have one version.
func quarterHour(t model.TableID, r model.Row) (keyed.Unit, bool) {
	return keyed.Unit{At: r[intervalStart].Num, Settled: agentstatus.Settled(r[len(r)-1].Num)}, t == model.AgentStatusID
}

// openFrom returns the begin of the first quarter hour that is not final, for the bound of a worker and
// what is known of it; keyed.None where none is. Nothing that may still come changes an earlier row: it
// lies before the bound; before the last update or deletion up to the bound, since the next update says
// in which activity the worker was since then; and before the time that an update behind the bound tells
// of, which another update in between may take from it.
func openFrom(bound keyed.Millis, groups []event.Group) keyed.Millis {
	if bound == keyed.None {
		return keyed.None
	}
	open := bound
	for _, g := range groups {
		since := keyed.None
		for _, e := range g.Events {
			switch update := e.Kind == event.WorkerActivityUpdate; {
			case e.Time <= bound && (update || e.Kind == event.WorkerDeleted):
				since = max(since, e.Time)
			case e.Time > bound && update && e.InPreviousFor != event.None:
				open = min(open, e.Time-e.InPreviousFor)
			}
		}
		if since != keyed.None {
			open = min(open, since)
		}
	}
	return agentstatus.Floor(max(open, bound-agentstatus.Longest))
}

// finalBefore returns a function that tells whether a row lies in a quarter hour before open, which is
// final; nil if open is keyed.None, and no row is.
func finalBefore(open keyed.Millis) func(model.TableID, model.Row) bool {
	if open == keyed.None {
		return nil
	}
	return func(t model.TableID, r model.Row) bool {
		return t == model.AgentStatusID && keyed.Millis(r[intervalStart].Num) < open
	}
}

var intervalStart = model.AgentStatus.Col("interval_start")

// release lets go of the events that no open quarter hour and no agent's row needs, and of the rows
// that are final.
func (l *logic) release(s *keyed.State, groups []event.Group) error {
	var b event.Builder
	s.Distinct, s.Copies = 0, 0
	open := openFrom(s.Bound, groups)
	for _, g := range groups {
		events, err := event.Distinct(g.Events, l.options.Texts)
		if err != nil {
			return err
		}
		for _, e := range needed(events, open) {
			b.Add(e, event.WorkerPart)
			if !e.OfTask {
				s.Distinct++
			}
		}
	}
	if final := finalBefore(open); final != nil {
		if err := s.ForgetEmitted(final); err != nil {
			return err
		}
	}
	s.Replace(b.Append(nil))
	return nil
}

// mostSpare is about how many events of tasks a worker keeps beyond those that the agent's row is
// made from.
const mostSpare = 8

// spare returns about how many events say nothing of the worker's time.
func spare(groups []event.Group) (n int) {
	for _, g := range groups {
		for _, e := range g.Events {
			if ofTaskAlone(e) {
				n++
			}
		}
	}
	return n
}

// ofTaskAlone tells whether an event says nothing of the worker's time, only how the agent was at
// the time.
func ofTaskAlone(e *event.Event) bool { return e.OfTask && !e.Kind.OfWorker() }

// needed returns the events that decide about the quarter hours from open on and about the agent.
// These are the worker's own events from then on, the last update of the activity and the last
// deletion before, and those that the agent's row is made from. events are a worker's distinct
// events in order.
func needed(events []*event.Event, open keyed.Millis) []*event.Event {
	var update, deleted *event.Event
	for _, e := range events {
		switch {
		case e.Time >= open:
		case e.Kind == event.WorkerActivityUpdate:
			update = e
		case e.Kind == event.WorkerDeleted:
			deleted = e
		}
	}
	newest, attributed, named := agent.Deciding(events)
	return slices.DeleteFunc(events, func(e *event.Event) bool {
		return (e.Time < open || ofTaskAlone(e)) && e != update && e != deleted && e != newest && e != attributed && e != named
	})
}
