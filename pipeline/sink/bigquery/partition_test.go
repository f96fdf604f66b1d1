package bigquery

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/span"
	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// march returns noon of a day.
func march(day int) int64 { return time.Date(2026, 3, day, 12, 0, 0, 0, time.UTC).UnixMilli() }

// starting returns an engagement that begins at a time, of the task WT1.
func starting(key int, at, version int64) change.Change {
	c := engagementOf(key, fields{"start_time": at, "end_time": at + 1000})
	c.Row[len(c.Row)-1] = model.Integer(version)
	return c
}

// deleteOf returns the delete of the row of a change.
func deleteOf(c change.Change) change.Change {
	c.Row, c.Delete = slices.Clone(c.Row), true
	return c
}

// starts tells the engagements of a dataset by their day and version.
func starts(t *testing.T, uri string) string {
	t.Helper()
	var all []string
	for _, r := range readRows(t, uri, &model.Engagements) {
		all = append(all, fmt.Sprint(model.Engagements.Get(r, "start_time").Time().Day(), " v", r[len(r)-1].Num))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func block(all ...change.Change) (b change.Block) {
	for _, c := range all {
		b = b.Append(c)
	}
	return b
}

// The local service is as strict as Google's pages leave it open to be: a delete of another day
// finds nothing.
func TestADeleteOfAnotherDayDoesNotFindTheRow(t *testing.T) {
	for _, lax := range []bool{false, true} {
		uri := localURI(startLocal(t, bigquerylocal.Options{AnyPartition: lax}), "")
		writeAll(t, uri, sink.Options{}, block(starting(1, march(2), 1)), block(deleteOf(starting(1, march(3), 2))))
		want := "2 v1"
		if lax {
			want = ""
		}
		if got := starts(t, uri); got != want {
			t.Errorf("any partition %t: %q, want %q", lax, got, want)
		}
		writeAll(t, uri, sink.Options{}, block(deleteOf(starting(1, march(2), 3))))
		if got := starts(t, uri); got != "" {
			t.Errorf("any partition %t: %q stays", lax, got)
		}
	}
}

// A row goes over to another day, by streams and batches after one another, and where a batch finds
// its table streamed to. Each is a process of its own, which learns from the sink where the row is.
func TestARowThatMovesIsInItsNewDayOnly(t *testing.T) {
	fold := func(s sink.Sink, version int64, days ...int) {
		t.Helper()
		p := keyed.NewPriorRows(s)
		kind := &keyed.Kind{Name: model.TaskKind}
		look, err := p.Looker(t.Context(), kind)
		must(t, err)
		key, state := event.Key("AC1", "WT1"), keyed.NewState()
		out := keyed.Output{Look: look.Look(key)}
		if state.Ask(keyed.Whole, func() span.Set { return span.Set{span.Days(march(4), keyed.Around)} }, &out) {
			found, err := look.Find(t.Context(), []keyed.Ask{*out.Ask})
			must(t, err)
			state.Learn(found[key])
		}
		d, err := state.Diff(&out, func(model.TableID, model.Row) (keyed.Unit, bool) { return keyed.Unit{Settled: true}, true })
		must(t, err)
		for i, day := range days {
			if day != 0 {
				d.Row(model.EngagementsID, starting(i, march(day), version).Row)
			}
		}
		must(t, d.Done(func(model.TableID, model.Row) (int64, bool) { return version, true }))
		must(t, s.Write(t.Context(), out.Changes))
	}
	for _, lax := range []bool{false, true} {
		for _, first := range []sink.Options{bounded, {}} {
			uri := localURI(startLocal(t, bigquerylocal.Options{AnyPartition: lax}), "mode=auto")
			for i, step := range []struct {
				job  sink.Options
				days []int
				want string
			}{
				{first, []int{2, 2, 2}, "2 v1, 2 v1, 2 v1"},
				{bounded, []int{3, 2, 2}, "2 v2, 2 v2, 3 v2"},
				{sink.Options{}, []int{3, 4, 0}, "3 v3, 4 v3"},
				{bounded, []int{2, 5, 5}, "2 v4, 5 v4, 5 v4"},
				{sink.Options{}, []int{0, 5}, "5 v5"},
			} {
				s := openSinkWith(t, uri, step.job)
				fold(s, int64(i+1), step.days...)
				must(t, s.Close(t.Context()))
				if got := starts(t, uri); got != step.want {
					t.Errorf("any partition %t, first %+v, step %d: %q, want %q", lax, first, i, got, step.want)
				}
			}
		}
		// A batch has staged when a stream comes first.
		uri := localURI(startLocal(t, bigquerylocal.Options{AnyPartition: lax}), "mode=auto")
		writeAll(t, uri, bounded, block(starting(1, march(2), 1)))
		batch := openSinkWith(t, uri, bounded)
		fold(batch, 2, 0, 3)
		writeAll(t, uri, sink.Options{}, block(starting(7, march(9), 1)))
		must(t, batch.Close(t.Context()))
		if got := starts(t, uri); got != "3 v2, 9 v1" {
			t.Errorf("any partition %t: staged: %q", lax, got)
		}
	}
}
