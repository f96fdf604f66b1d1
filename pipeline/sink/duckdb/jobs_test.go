package duckdb

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

// shared is a sink that several jobs of a test write to.
type shared struct{ sink.Sink }

func (shared) OtherJobs(context.Context) (bool, error) { return true, nil }

// Of two jobs over one store, flush by flush, that one's rows stay which knows all of a task or
// quarter hour.
func TestTwoJobsLeaveTheRowsOfTheOneThatKnowsAll(t *testing.T) {
	checked := history.Checked{}
	rapid.Check(t, func(rt *rapid.T) {
		j := history.DrawJobs(rt)
		uri := harness("duckdb").Place(t) + "?writers=1"
		ctx := context.Background()
		out, err := sink.Open(ctx, uri, sink.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		j.Interleave(shared{out}, shared{out})
		if err := out.Close(ctx); err != nil {
			rt.Fatal(err)
		}
		got := history.Tables{}
		for _, table := range model.Tables {
			got[table.Name] = readRows(t, fileOf(uri[:len(uri)-len("?writers=1")]), table)
		}
		if diff := j.Diff(got, checked); diff != "" {
			rt.Fatal(diff)
		}
	})
	if len(checked) < 3 {
		t.Errorf("only these were compared: %v", checked)
	}
}
