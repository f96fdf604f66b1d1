package keyed_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
)

// TestTwoJobsAtATimeLeaveTheRowsOfTheOneThatKnowsAll lets two jobs write to one sink, flush by flush.
func TestTwoJobsAtATimeLeaveTheRowsOfTheOneThatKnowsAll(t *testing.T) {
	checked := history.Checked{}
	rapid.Check(t, func(rt *rapid.T) {
		store := history.NewStore()
		store.Shared = true
		j := history.DrawJobs(rt)
		j.Interleave(store, store)
		if diff := j.Diff(store.Tables(), checked); diff != "" {
			rt.Fatal(diff)
		}
	})
	if len(checked) < 4 {
		t.Errorf("only these were compared: %v", checked)
	}
}

// TestJobsAfterOneAnotherLeaveTheRowsOfTheOneThatKnowsAll runs a job behind another one, as files
// do that are locked while a job has them open.
func TestJobsAfterOneAnotherLeaveTheRowsOfTheOneThatKnowsAll(t *testing.T) {
	checked := history.Checked{}
	rapid.Check(t, func(rt *rapid.T) {
		d, store := history.NewDice(rt), history.NewStore()
		j := history.DrawJobs(rt)
		for range 2 + d.N(2) {
			i := d.N(2)
			o := history.Options{Store: store, Cut: func() bool { return d.OneIn(3) }}
			if d.OneIn(1) {
				history.Batch(j.Lines[i], 3, o)
			} else {
				history.Stream(history.Shuffled(d, j.Lines[i]), o)
			}
			j.Ran[i] = true
		}
		if diff := j.Diff(store.Tables(), checked); diff != "" {
			rt.Fatal(diff)
		}
	})
	if len(checked) < 4 {
		t.Errorf("only these were compared: %v", strings.Join(slices.Sorted(checked.Names()), ", "))
	}
}
