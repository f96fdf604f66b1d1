package beamstate

import (
	"errors"
	"testing"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// A runner gives a job the cells of one with other attribute paths: they are read by their names.
func TestAStateOfAJobWithOtherPathsIsReadByTheirNames(t *testing.T) {
	of := func(before ...string) *paths {
		var extra []model.Extra
		if len(before) > 0 {
			extra = []model.Extra{{Column: "engagements.language", Before: before}}
		}
		a, err := model.NewAttributes(extra)
		if err != nil {
			t.Fatal(err)
		}
		return &paths{part: event.TaskPart, attributes: a, own: a.Own()}
	}
	was, is, none := of("gone", "lang"), of("new", "lang"), of()
	text, ok := attribute.NewParser(was.attributes.Task()).Append(nil, []byte(`{"gone":"x","lang":"de","from":"+1"}`))
	if !ok {
		t.Fatal("the attributes are not parsable")
	}
	e := event.Event{ID: "EV1", QueueEnteredAt: event.None, InPreviousFor: event.None, HasTaskAttributes: true, TaskAttributes: attribute.Snapshot(text)}
	var b event.Builder
	b.Add(&e, event.TaskPart)
	s := keyed.NewState()
	s.Block = b.Append(nil)
	was.mark(s)
	for _, step := range []struct {
		by   *paths
		want string
	}{{was, "+1de"}, {is, "+1de"}, {is, "+1de"}, {none, "+1"}, {was, "+1"}} {
		c, err := readCell(cell{1, 2, s}.append(nil))
		if err != nil {
			t.Fatal(err)
		}
		s = c.state
		if err := step.by.adapt(s); err != nil {
			t.Fatal(err)
		}
		events, err := event.Decode(s.Block, nil)
		if err != nil {
			t.Fatal(err)
		}
		tree := step.by.attributes.Task()
		o := attribute.NewOverlay(tree)
		o.Add(events[0].TaskAttributes)
		got := o.Text(tree.ID("from"))
		if step.by != none {
			got += o.Text(tree.ID("lang"))
		}
		if got != step.want || s.Own != step.by.own {
			t.Errorf("got %q, want %q", got, step.want)
		}
		step.by.mark(s)
	}
	s.Own = "a..b|"
	if err := is.adapt(s); !errors.Is(err, model.ErrLayout) {
		t.Error(err)
	}
}
