package model

import (
	"errors"
	"strings"
	"testing"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
)

func attributes(t *testing.T, extra ...Extra) *Attributes {
	t.Helper()
	a, err := NewAttributes(extra)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPathsStandBeforeAndBehindTheBuiltInOnes(t *testing.T) {
	a := attributes(t,
		Extra{Column: "engagements.language", Before: []string{"conversations.lang", "lang"}, Behind: []string{"language"}},
		Extra{Column: "agents.team", Before: []string{"squad"}},
		Extra{Column: "engagements.engaged_team", Behind: []string{"squad"}})
	var got []string
	for _, id := range a.Paths(&Engagements, "language").All() {
		got = append(got, a.Task().Path(id))
	}
	for _, c := range []struct {
		table  *Table
		column string
	}{{&Agents, "team"}, {&Engagements, "engaged_team"}} {
		for _, id := range a.Paths(c.table, c.column).All() {
			got = append(got, a.Worker().Path(id))
		}
	}
	want := "conversations.lang lang conversations.language language squad team agent_team team_name team agent_team team_name squad"
	if strings.Join(got, " ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, " "), want)
	}
	again, err := ReadAttributes(a.Text())
	if err != nil || again.Layout() != a.Layout() {
		t.Errorf("%v, %v", again, err)
	}
	var none *Attributes
	if none.Text() != "" || none.Layout() != Layout() || none.Own() != "" || len(none.Paths(&Engagements, "language").All()) != 1 {
		t.Error("without paths of its own a job has others than the built-in ones")
	}
}

func TestColumnsThatTakeNoPathsAreRefused(t *testing.T) {
	for _, e := range []Extra{
		{Column: "engagement.language"}, {Column: "engagements.tongue"}, {Column: "engagements"}, {Column: "engagements.start_time"},
		{Column: "engagements.direction"}, {Column: "engagements.recording_url"}, {Column: "agents.role"}, {Column: "customers.contact_id"},
		{Column: "turns.conversation_sid"}, {Column: "engagements.is_virtual"},
	} {
		e.Before = []string{"x"}
		if _, err := NewAttributes([]Extra{e}); !errors.Is(err, ErrColumn) {
			t.Errorf("%s: %v", e.Column, err)
		}
	}
	if _, err := NewAttributes([]Extra{{Column: "engagements.language", Before: []string{"a..b"}}}); !errors.Is(err, attribute.ErrPath) {
		t.Error(err)
	}
	twice := Extra{Column: "engagements.language", Before: []string{"a"}}
	if _, err := NewAttributes([]Extra{twice, twice}); !errors.Is(err, ErrColumn) {
		t.Error(err)
	}
}

// Events that a job kept with other paths of its own are read by the names of these.
func TestEventsOfAJobWithOtherPathsAreRead(t *testing.T) {
	was := attributes(t, Extra{Column: "engagements.language", Before: []string{"gone", "lang", "deep.er"}}, Extra{Column: "agents.team", Behind: []string{"squad"}})
	is := attributes(t, Extra{Column: "engagements.reason", Before: []string{"why", "deep.er", "lang"}}, Extra{Column: "agents.team", Before: []string{"band", "squad"}})
	b := blockOf(t, was.Task(), was.Worker(), `{"gone":"x","lang":"en","deep":{"er":"d"},"from":"+1"}`, `{"squad":"s","full_name":"Ann"}`)
	byLayout, err := Translate(was.Layout(), is)
	if err != nil {
		t.Fatal(err)
	}
	byOwn, err := TranslateOwn(was.Own(), is)
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range []*Translation{byLayout, byOwn} {
		block, err := tr.Block(b, event.Whole)
		if err != nil {
			t.Fatal(err)
		}
		events, err := event.Decode(block, nil)
		if err != nil || len(events) != 1 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		task, worker := attribute.NewOverlay(is.Task()), attribute.NewOverlay(is.Worker())
		task.Add(events[0].TaskAttributes)
		worker.Add(events[0].WorkerAttributes)
		var got []string
		for _, path := range []string{"from", "lang", "deep.er", "why"} {
			got = append(got, task.Text(is.Task().ID(path)))
		}
		for _, path := range []string{"full_name", "squad", "band"} {
			got = append(got, worker.Text(is.Worker().ID(path)))
		}
		if want := "+1|en|d||Ann|s|"; strings.Join(got, "|") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if tr, err := Translate(is.Layout(), is); tr != nil || err != nil {
		t.Errorf("the layout of the job itself needs a translation: %v, %v", tr, err)
	}
	if _, err := Translate(strings.ReplaceAll(was.Layout(), " | ", " "), is); !errors.Is(err, ErrLayout) {
		t.Error(err)
	}
}
