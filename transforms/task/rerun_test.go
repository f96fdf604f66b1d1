package task_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agentstatus"
)

// TestAJobThatKnowsMoreLeavesTheTablesOfAFreshOne runs a job over some of the events, and then one
// over all of them into the same store, in batch or as a stream. Both know of a time behind all events:
// of a quarter hour that is not over for it a job changes nothing that another one wrote (contract,
// section 7).
func TestAJobThatKnowsMoreLeavesTheTablesOfAFreshOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		events := history.Draw(rt, size)
		all := history.Lines(events, history.All(history.Object))
		asOf := int64(history.Start)
		for _, e := range events {
			asOf = max(asOf, e.Time+int64(agentstatus.Quarter))
		}
		want := history.Fold(all, history.Options{AsOf: asOf})
		var some [][]byte
		for _, l := range all {
			if d.Often(2) {
				some = append(some, l)
			}
		}
		o := history.Options{AsOf: asOf, Store: history.NewStore(), Cut: func() bool { return d.OneIn(3) }}
		for _, lines := range [][][]byte{some, all} {
			if d.OneIn(1) {
				history.Batch(lines, 3, o)
			} else {
				history.Stream(history.Shuffled(d, lines), o)
			}
		}
		got := o.Store.Tables()
		if diff := history.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// TestAJobThatKnowsLessOverwritesNothingOfATask runs a job over some of the events into the store
// of a job over all. Every engagement and isolated customer stays as it is; agents and their status
// settle by the later write where it knows equally much.
func TestAJobThatKnowsLessOverwritesNothingOfATask(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		all := history.Lines(history.Draw(rt, history.Size{Tasks: 3}), history.All(history.Object))
		o := history.Options{Store: history.NewStore(), Cut: func() bool { return d.OneIn(3) }}
		want, _ := history.Batch(all, 3, o)
		var some [][]byte
		for _, l := range all {
			if d.Often(2) {
				some = append(some, l)
			}
		}
		if d.OneIn(1) {
			history.Batch(some, 3, o)
		} else {
			history.Stream(some, o)
		}
		got := o.Store.Tables()
		for _, table := range []string{"engagements", "customers"} {
			rows := map[string]model.Row{}
			for _, r := range got[table] {
				rows[string(model.Lookup(table).AppendKey(nil, r))] = r
			}
			for _, r := range want[table] {
				if now := rows[string(model.Lookup(table).AppendKey(nil, r))]; !slices.Equal(r, now) {
					rt.Fatalf("%s: %v has become %v", table, history.Cells(model.Lookup(table), r), history.Cells(model.Lookup(table), now))
				}
			}
		}
	})
}
