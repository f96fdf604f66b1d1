package worker

import (
	"math"
	"slices"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agent"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/keyed"
)

// A picker tells which quarter hours of a worker a job with a choice writes: those of which it knows
// all that decides their rows (contract, section 12).
type picker struct {
	choice *keyed.Choice
	asOf   event.Millis
	begun  event.Millis   // from when on it is known in which activity the worker was
	marks  []event.Millis // when an activity ended: at updates and deletions, in order
}

// newPicker takes a worker's distinct events in order.
func newPicker(events []*event.Event, c *keyed.Choice, asOf event.Millis) *picker {
	p := &picker{choice: c, asOf: asOf, begun: math.MaxInt64}
	for _, e := range events {
		update := e.Kind == event.WorkerActivityUpdate
		if !update && e.Kind != event.WorkerDeleted {
			continue
		}
		if len(p.marks) == 0 {
			p.begun = e.Time
			// An update tells since when the worker was in the activity that it ends. Of an update
			// before that within the time of which all is known there would be an event.
			if update && e.InPreviousFor != event.None && e.Time-e.InPreviousFor >= c.Since {
				p.begun = c.Since
			}
		}
		p.marks = append(p.marks, e.Time)
	}
	return p
}

// picks tells whether the quarter hour is chosen that begins at a time.
func (p *picker) picks(begin event.Millis) bool {
	end := begin + agentstatus.Quarter
	if begin < max(p.begun, p.choice.Since) {
		return false
	}
	i, _ := slices.BinarySearch(p.marks, end)
	over := i < len(p.marks)
	switch {
	case p.choice.Heal:
		return end <= p.choice.To && (over || p.asOf != event.None && p.asOf >= end)
	case over:
		return p.choice.Holds(p.marks[i])
	}
	return p.asOf != event.None && p.asOf >= end && p.choice.Holds(begin)
}

// choose is fold for a job with a choice.
func (l *logic) choose(s *keyed.State, groups []event.Group, out *keyed.Output) error {
	for _, g := range groups {
		all := ownOf(g.Events)
		events, err := event.Distinct(g.Events, l.options.Texts)
		if err != nil {
			return err
		}
		own := ownOf(events)
		if c := l.options.Choice; !c.Heal {
			events = slices.DeleteFunc(slices.Clone(events), func(e *event.Event) bool { return e.Time >= c.To })
		}
		if len(events) > 0 {
			if err := l.chosen(g.Account, g.SID, events, s, out); err != nil || out.Ask != nil {
				return err
			}
			s.CountEvidence(l.folder.Evidence(), out)
		}
		s.Count(own, all-own, out)
	}
	return nil
}

// ownOf counts the events that belong to no task.
func ownOf(events []*event.Event) (n int64) {
	for _, e := range events {
		if !e.OfTask {
			n++
		}
	}
	return n
}

// chosen writes what is chosen of a worker. events are its distinct events in order.
func (l *logic) chosen(account, sid string, events []*event.Event, s *keyed.State, out *keyed.Output) error {
	c := l.options.Choice
	p := newPicker(events, c, l.options.AsOf)
	agents, quarters := []keyed.RowOf(nil), map[int64][]keyed.RowOf{}
	_, err := l.folder.Fold(account, sid, slices.Clone(events), func(t model.TableID, r model.Row) {
		row := keyed.RowOf{Table: t, Row: slices.Clone(r)}
		if t == model.AgentsID {
			agents = append(agents, row)
		} else if at := r[intervalStart].Num; p.picks(event.Millis(at)) {
			quarters[at] = append(quarters[at], row)
		}
	})
	if err != nil {
		return err
	}
	span, any := l.picked(p)
	ask := s.Ask
	if c.Heal {
		ask = s.AskWhole
	}
	if any && ask(span, nil, out) {
		return nil
	}
	write := any
	if c.Heal && any {
		if write, err = l.lacks(account, sid, p, quarters, s); err != nil {
			return err
		}
	}
	diff, err := s.Diff(out, quarterHour)
	if err != nil {
		return err
	}
	// Of several attributes the newest count. Where these are from before the time that was read, there
	// may be newer ones. A log tells of agents without any, too.
	if _, attributed, _ := agent.Deciding(events); attributed != nil && attributed.Time >= c.From || attributed == nil && c.Heal {
		for _, r := range agents {
			diff.Row(r.Table, r.Row)
		}
	}
	if !write {
		return nil
	}
	for at := span.From; at <= span.To; at += int64(agentstatus.Quarter) {
		for _, r := range quarters[at] {
			diff.Row(r.Table, r.Row)
		}
	}
	return diff.Done(func(t model.TableID, r model.Row) (int64, bool) {
		if t != model.AgentStatusID || !p.picks(event.Millis(r[intervalStart].Num)) {
			return 0, false
		}
		return l.folder.Deleted(t, r)
	})
}

// picked returns the span of the quarter hours that are chosen; ok is false if none is.
func (l *logic) picked(p *picker) (in keyed.Span, ok bool) {
	first, last, known := l.folder.Known()
	for at := first; known && at <= last; at += agentstatus.Quarter {
		if p.picks(at) {
			if !ok {
				in.From = int64(at)
			}
			in.To, ok = int64(at), true
		}
	}
	return in, ok
}

// lacks tells whether what the sink holds of the quarter hours that are chosen is not what the events
// tell.
func (l *logic) lacks(account, sid string, p *picker, quarters map[int64][]keyed.RowOf, s *keyed.State) (bool, error) {
	prior, err := s.Prior(quarterHour)
	if err != nil {
		return false, err
	}
	span, _ := l.picked(p)
	f := keyed.Finding{Kind: Name, Account: account, SID: sid}
	key := model.AgentStatus.NewRow()
	for at := span.From; at <= span.To; at += int64(agentstatus.Quarter) {
		rows, held := quarters[at], prior[at]
		if !p.picks(event.Millis(at)) || len(rows) == 0 && held.Empty() {
			continue
		}
		f.All++
		key[intervalStart] = model.Millis(event.Millis(at))
		if version, _ := l.folder.Deleted(model.AgentStatusID, key); !held.Lacks(rows, version) {
			f.Known++
			continue
		}
		if f.First == 0 {
			f.First = event.Millis(at)
		}
		f.Last = event.Millis(at) + agentstatus.Quarter
	}
	if f.Known == f.All {
		return false, nil
	}
	if l.found != nil {
		l.found(f)
	}
	return true, nil
}
