package bigquery

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

// openAs opens the sink as a job does that looks for others at once.
func openAs(t testing.TB, uri string) *Writer {
	t.Helper()
	s, err := sink.Open(context.Background(), uri, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := s.(*Writer)
	w.presence.age = 0
	return w
}

func others(t testing.TB, w *Writer) bool {
	t.Helper()
	there, err := w.OtherJobs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return there
}

func closeSink(t testing.TB, w *Writer) {
	t.Helper()
	if err := w.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// Jobs see each other, both ways, and one that has been and gone.
func TestJobsOverOneDatasetSeeEachOther(t *testing.T) {
	uri := localURI(startLocal(t, bigquerylocal.Options{}), "")
	first := openAs(t, uri)
	if others(t, first) {
		t.Error("a job that is alone sees others")
	}
	second := openAs(t, uri)
	if !others(t, second) || !others(t, first) {
		t.Error("of two jobs one does not see the other")
	}
	closeSink(t, first)
	closeSink(t, second)
	third := openAs(t, uri)
	if others(t, third) {
		t.Error("jobs that have ended are seen")
	}
	closeSink(t, openAs(t, uri))
	if !others(t, third) {
		t.Error("a job that came and went is not seen")
	}
	closeSink(t, third)
}

// Of two jobs over one dataset, flush by flush, that one's rows stay which knows all of a task or
// quarter hour, also while BigQuery holds back what was streamed: with max_staleness=0s its answers
// have all of it.
func TestTwoJobsLeaveTheRowsOfTheOneThatKnowsAll(t *testing.T) {
	checked := history.Checked{}
	s := startLocal(t, bigquerylocal.Options{HoldChanges: true})
	rapid.Check(t, func(rt *rapid.T) {
		j := history.DrawJobs(rt)
		uri := localURI(s, "mode=stream")
		one, two := openAs(t, uri), openAs(t, uri)
		j.Interleave(one, two)
		got := history.Tables{}
		for _, table := range model.Tables {
			got[table.Name] = readRows(t, uri, table)
		}
		closeSink(t, one)
		closeSink(t, two)
		if diff := j.Diff(got, checked); diff != "" {
			rt.Fatal(diff)
		}
	})
	if len(checked) < 2 {
		t.Errorf("only these were compared: %v", checked)
	}
}
