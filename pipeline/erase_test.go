package pipeline

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/model"
)

// erasedRows returns the engagements and customers of a store.
func erasedRows(store *history.Store) map[string][]model.Row {
	tables := store.Tables()
	return map[string][]model.Row{"engagements": tables["engagements"], "customers": tables["customers"]}
}

// TestErasedTasksStayErasedWhateverJobsFollow erases some tasks of a drawn history, and lets jobs
// over all events or some of them follow: batches, replays, beside others or alone. The rows of
// these tasks stay as they are.
func TestErasedTasksStayErasedWhateverJobsFollow(t *testing.T) {
	erased := 0
	rapid.Check(t, func(rt *rapid.T) {
		d, store := history.NewDice(rt), history.NewStore()
		all := history.Lines(history.Draw(rt, history.Size{Tasks: 4}), history.All(history.Object))
		o := history.Options{Store: store, Cut: func() bool { return d.OneIn(3) }}
		history.Batch(all, 3, o)
		before := erasedRows(store)
		e, c := &model.Engagements, &model.Customers
		request := EraseOptions{Rows: d.OneIn(2)}
		for _, r := range before["engagements"] {
			task := e.Get(r, "task_sid").Str
			if !slices.Contains(request.Tasks, task) && d.OneIn(2) {
				request.Tasks = append(request.Tasks, task)
			}
		}
		if len(request.Tasks) == 0 {
			return
		}
		sum, err := request.erase(t.Context(), store, nil)
		if err != nil {
			rt.Fatal(err)
		}
		erased += sum.Tasks
		want := erasedRows(store)
		for range 1 + d.N(2) {
			some := all
			if d.OneIn(2) {
				some = slices.DeleteFunc(slices.Clone(all), func([]byte) bool { return d.OneIn(3) })
			}
			if store.Shared = d.OneIn(3); d.OneIn(2) {
				history.Batch(some, 3, o)
			} else {
				history.Stream(history.Shuffled(d, some), o)
			}
		}
		got := erasedRows(store)
		ofErased := func(t *model.Table, rows []model.Row, column string) (found []model.Row) {
			for _, r := range rows {
				if slices.Contains(request.Tasks, t.Get(r, column).Str) {
					found = append(found, r)
				}
			}
			return found
		}
		for _, table := range []struct {
			*model.Table
			column string
		}{{e, "task_sid"}, {c, "contact_id"}} {
			if diff := cmp.Diff(ofErased(table.Table, want[table.Name], table.column), ofErased(table.Table, got[table.Name], table.column)); diff != "" {
				rt.Fatalf("%s of erased tasks (-erased +later):\n%s", table.Name, diff)
			}
		}
		again, err := request.erase(t.Context(), store, nil)
		if err != nil || again.Tasks > 0 {
			rt.Fatalf("erased again: %+v, %v", again, err)
		}
	})
	if erased == 0 {
		t.Error("no task was erased")
	}
}
