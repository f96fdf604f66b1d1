package task

import (
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// A life is what tells whether a task is chosen.
type life struct {
	first, newest event.Millis
	created       bool         // the event that begins it is known
	ended         event.Millis // its first end; event.None: it has none
}

func lifeOf(events []*event.Event) life {
	l := life{first: events[0].Time, newest: events[0].Time, ended: event.None}
	for _, e := range events {
		l.first, l.newest = min(l.first, e.Time), max(l.newest, e.Time)
		l.created = l.created || e.Kind == event.TaskCreated
		if e.Kind.EndsTask() && (l.ended == event.None || e.Time < l.ended) {
			l.ended = e.Time
		}
	}
	return l
}

// Why a task that lacks events is left for a later run.
const (
	leftBegin = "its begin is not in the log"
	leftOpen  = "it had not ended a day before"
)

// left returns why nothing can be done yet about a task that lacks events; empty: something can.
func (l life) left(c *keyed.Choice) string {
	switch {
	case !l.created || l.first < c.Since:
		return leftBegin
	case l.ended == event.None || l.ended >= c.To:
		return leftOpen
	}
	return ""
}

// choose returns the tasks of which rows are written. A job that heals chooses once the sink was asked for
// the rows of a task, any other one before that. Every other task only tells its conversation what it knows.
func (l *logic) choose(groups []event.Group, s *keyed.State, out *keyed.Output, asked bool) (chosen []event.Group, err error) {
	c := l.options.Choice
	if c == nil || c.Heal != asked {
		return groups, nil
	}
	for _, g := range groups {
		ok := g.SID == ""
		switch was := lifeOf(g.Events); {
		case ok: // it has no rows
		case c.Heal:
			ok, err = l.lacks(g, was, s)
		case !c.Holds(was.newest):
		case was.created:
			out.Chosen++
			ok = true
		default:
			out.Chosen++
			out.Unbegun++
		}
		if err == nil && !ok {
			err = l.aside(g, s, out)
		}
		if err != nil {
			return nil, err
		}
		if ok {
			chosen = append(chosen, g)
		}
	}
	return chosen, nil
}

// lacks tells whether a job that heals writes a task: the sink lacks events of it, it is whole, and it
// is over.
func (l *logic) lacks(g event.Group, was life, s *keyed.State) (bool, error) {
	prior, err := s.Prior(wholeTask)
	if err != nil {
		return false, err
	}
	p, rows := prior[wholeUnit.At], 0
	o, err := l.folder.Fold(g.Account, g.SID, g.Events, func(model.TableID, model.Row) { rows++ }, func(string, model.Row) { /* not yet */ })
	if err != nil {
		return false, err
	}
	known, all := p.Version/versions, int64(o.Distinct)
	if p.Erased() || known >= all {
		return false, nil
	}
	left := was.left(l.options.Choice)
	if rows > 0 && l.found != nil {
		l.found(keyed.Finding{Kind: Name, Account: g.Account, SID: g.SID, First: was.first, Last: was.newest, Known: known, All: all, Left: left})
	}
	return left == "", nil
}

// versions is by how much a row_version rises with each event.
const versions = 4096

// aside tells the conversation of a task of which no row is written what the task knows of it: other
// tasks of it may be chosen.
func (l *logic) aside(g event.Group, s *keyed.State, out *keyed.Output) error {
	all := int64(len(g.Events))
	o, err := l.folder.Fold(g.Account, g.SID, g.Events, func(model.TableID, model.Row) { /* none is written */ }, func(string, model.Row) { /* nobody is told */ })
	if err != nil {
		return err
	}
	o.Part.Aside = true
	l.tell(g.Account, g.SID, &o, s, out)
	s.Count(int64(o.Distinct), all-int64(o.Distinct), out)
	return nil
}
