package task_test

import (
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
)

// size is that of a history of several tasks and workers.
var size = history.Size{Tasks: 3, Workers: 2}

// contradicted has records of one id that differ, too.
var contradicted = history.Size{Tasks: 3, Workers: 2, Conflicts: true}

// TestTablesAreAFunctionOfTheSetOfRecords draws records, contradicting ones among them, and
// delivers them in any order, some again, some on one line, in blocks cut anywhere.
func TestTablesAreAFunctionOfTheSetOfRecords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		lines := history.Lines(history.Draw(rt, contradicted), history.Forms(d, append(history.Streamed, history.REST)))
		want := history.Fold(lines, history.Options{})

		again := lines
		for _, l := range lines {
			if d.OneIn(2) {
				again = append(again, l)
			}
		}
		got := history.Fold(history.Joined(d, history.Shuffled(d, again)), history.Options{Cut: func() bool { return d.OneIn(2) }})
		if diff := history.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestTheFormsOfEventStreamsGiveIdenticalRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		events := history.Draw(rt, size)
		want := history.Of(events)
		got := history.Fold(history.Lines(events, history.Forms(d, history.Streamed)), history.Options{})
		if diff := history.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestTheRESTLogGivesTheSameRowsButForTheirVersions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		events := history.Draw(rt, size)
		got := history.Fold(history.Lines(events, history.All(history.REST)), history.Options{})
		if diff := history.Diff(history.Of(events), got, "row_version"); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// TestARESTCopyChangesNothing adds the REST records of some events, without the attributes that
// Twilio redacts in old ones.
func TestARESTCopyChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		events := history.Draw(rt, size)
		lines := history.Lines(events, history.All(history.Object))
		want := history.Fold(lines, history.Options{})
		for _, e := range events {
			if d.OneIn(1) {
				lines = append(lines, e.With("task_attributes", "{}").With("worker_attributes", nil).Record(history.REST))
			}
		}
		if diff := history.Diff(want, history.Fold(history.Shuffled(d, lines), history.Options{})); diff != "" {
			rt.Fatal(diff)
		}
	})
}
