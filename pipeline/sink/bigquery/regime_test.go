package bigquery

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

var bounded = sink.Options{Bounded: true}

// labels returns the regime that each table tells, without those that tell none.
func labels(t *testing.T, uri string) map[string]string {
	t.Helper()
	_, d := at(t, uri)
	all := map[string]string{}
	for _, table := range tables {
		meta, err := d.Table(table.name).Metadata(t.Context())
		must(t, err)
		if l := meta.Labels[regimeLabel]; l != "" {
			all[table.name] = l
		}
	}
	return all
}

func writeAll(t *testing.T, uri string, o sink.Options, blocks ...change.Block) {
	t.Helper()
	w := openSinkWith(t, uri, o)
	for _, b := range blocks {
		must(t, w.Write(t.Context(), b))
	}
	must(t, w.Close(t.Context()))
}

// agentNames returns the names of the agents that the dataset holds, in order.
func agentNames(t *testing.T, uri string) string {
	t.Helper()
	var all []string
	for _, r := range readRows(t, uri, &model.Agents) {
		all = append(all, fmt.Sprint(model.Agents.Get(r, "agent_id").Str, " ", r[len(r)-1].Num))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestAnEmptyTableTakesTheRegimeOfTheJob(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	for want, o := range map[string]sink.Options{"load": bounded, "cdc": {}} {
		uri := localURI(s, "mode=auto")
		writeAll(t, uri, o, sampleAgent("WK1", 1))
		if got := labels(t, uri); len(got) != 2 || got["agents"] != want || got[deletesName] != want {
			t.Errorf("%v, want agents and the deletes to be %s", got, want)
		}
	}
}

func TestStreamsAndBatchesFollowEachOtherInAnyOrder(t *testing.T) {
	blocks := dayBlocks(t)
	db := inDuckDB(t, blocks)
	for _, order := range [][]sink.Options{{bounded, {}, bounded}, {{}, bounded, {}}, {bounded, bounded, {}}} {
		s := startLocal(t, bigquerylocal.Options{})
		uri := localURI(s, "mode=auto")
		for i, o := range order {
			var some []change.Block
			for j, b := range blocks {
				if j%3 == i || i == 2 {
					some = append(some, b)
				}
			}
			writeAll(t, uri, o, some...)
		}
		sameTables(t, db, uri)
	}
}

func TestATableWithRowsAndNoLabelIsStreamedTo(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "mode=auto")
	must(t, openSink(t, uri).Close(t.Context())) // makes the tables
	p := configOf(t, uri)
	ask(t, p, "INSERT INTO "+p.sql("agents")+" (account_sid, agent_id, agent_name, state, agent_type, row_version) VALUES ('AC1', 'WK0', 'x', 'Active', 'User', 1)", func([]bigquery.Value) {})
	writeAll(t, uri, bounded, sampleAgent("WK1", 1))
	if got := labels(t, uri); got["agents"] != "cdc" || got[deletesName] != "cdc" {
		t.Errorf("%v", got)
	}
	if got := agentNames(t, uri); got != "WK0 1, WK1 1" {
		t.Error(got)
	}
}

func TestAForcedLoadIntoATableThatWasStreamedToIsRefusedInOneLine(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "")
	writeAll(t, uri, sink.Options{}, sampleAgent("WK1", 1))
	_, err := sink.Open(t.Context(), uri+"&mode=load", bounded)
	if !errors.Is(err, ErrRegime) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "leave mode=load out") {
		t.Errorf("got %v", err)
	}
}

func TestABatchStreamsWhatItHasStagedWhenAStreamComesFirst(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "mode=auto")
	batch := openSinkWith(t, uri, bounded)
	remove := change.Block(nil)
	must(t, sampleAgent("WK3", 9).Each(func(c change.Change) error { c.Delete = true; remove = remove.Append(c); return nil }))
	for _, b := range []change.Block{sampleAgent("WK1", 1), sampleAgent("WK2", 5), sampleAgent("WK3", 8), remove} {
		must(t, batch.Write(t.Context(), b))
	}
	writeAll(t, uri, sink.Options{}, sampleAgent("WK2", 4), sampleAgent("WK3", 7), sampleAgent("WK4", 1))
	must(t, batch.Close(t.Context()))
	writeAll(t, uri, sink.Options{}, sampleAgent("WK3", 8)) // older than the delete
	if got := agentNames(t, uri); got != "WK1 1, WK2 5, WK4 1" {
		t.Error(got)
	}
	if got := labels(t, uri); got["agents"] != "cdc" || got[deletesName] != "cdc" {
		t.Errorf("%v", got)
	}
}

// The deletes of a batch are streamed as soon as another job streams to any table of the dataset, under
// the lax reading too, where BigQuery would take a MERGE; the batch's own table stays one of load jobs.
func TestTheDeletesOfABatchAreStreamedWhenAStreamComesFirst(t *testing.T) {
	for _, lax := range []bool{false, true} {
		s := startLocal(t, bigquerylocal.Options{LaxDML: lax})
		uri := localURI(s, "mode=auto")
		batch := openSinkWith(t, uri, bounded)
		must(t, batch.Write(t.Context(), block(starting(1, march(2), 1), starting(2, march(2), 1), deleteOf(starting(2, march(2), 3)))))
		writeAll(t, uri, sink.Options{}, sampleAgent("WK1", 1))
		must(t, batch.Close(t.Context()))
		if got := labels(t, uri); got["engagements"] != "load" || got["agents"] != "cdc" || got[deletesName] != "cdc" {
			t.Errorf("lax %v: %v", lax, got)
		}
		ask(t, configOf(t, uri), "SELECT query FROM `region-us`.INFORMATION_SCHEMA.JOBS_BY_PROJECT WHERE query LIKE 'MERGE%"+deletesName+"` AS t%'", func(v []bigquery.Value) {
			t.Errorf("lax %v: a statement changes the deletes: %v", lax, v)
		})
		writeAll(t, uri, bounded, block(starting(2, march(2), 2))) // older than the delete
		if got := starts(t, uri); got != "2 v1" {
			t.Errorf("lax %v: %s", lax, got)
		}
	}
}

func TestJobsThatEnterATableAtOnceAgree(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	for range 5 {
		uri := localURI(s, "mode=auto")
		must(t, openSink(t, uri).Close(t.Context()))
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				w, err := sink.Open(t.Context(), uri, sink.Options{Bounded: i%2 == 0})
				if err == nil {
					err = w.Write(t.Context(), sampleAgent(fmt.Sprint("WK", i), 1))
				}
				if err == nil {
					err = w.Close(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := agentNames(t, uri); got != "WK0 1, WK1 1, WK2 1, WK3 1" {
			t.Error(got)
		}
		if got := labels(t, uri); got["agents"] != "cdc" || got[deletesName] != "cdc" {
			t.Errorf("%v", got)
		}
	}
}

// A table that an earlier version streamed to may be labelled wrongly.
func TestWhereBigQueryRefusesToMergeABatchStreamsAndAForcedLoadSaysWhatToDo(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	for _, mode := range []string{modeAuto, modeLoad} {
		uri := localURI(s, "")
		writeAll(t, uri, sink.Options{}, sampleAgent("WK1", 1))
		_, d := at(t, uri)
		for _, name := range []string{"agents", deletesName} {
			var u bigquery.TableMetadataToUpdate
			u.SetLabel(regimeLabel, string(byLoad))
			_, err := d.Table(name).Update(t.Context(), u, "")
			must(t, err)
		}
		w := openSinkWith(t, uri+"&mode="+mode, bounded)
		must(t, w.Write(t.Context(), sampleAgent("WK2", 1)))
		err := w.Flush(t.Context())
		if mode == modeLoad {
			if err == nil || !strings.Contains(err.Error(), "rows were streamed to the table: leave mode=load out") {
				t.Errorf("got %v", err)
			}
			continue
		}
		must(t, err)
		if got := agentNames(t, uri); got != "WK1 1, WK2 1" {
			t.Error(got)
		}
		if got := labels(t, uri); got["agents"] != "cdc" {
			t.Errorf("%v", got)
		}
	}
}

func TestRowsOfFarDaysAreDeadLettersAndToldOnce(t *testing.T) {
	var told bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&told, nil)))
	defer slog.SetDefault(before)
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := startLocal(t, bigquerylocal.Options{Now: func() time.Time { return now }})
	uri := localURI(s, "mode=stream")
	w := openSink(t, uri)
	for i, year := range []int{2026, 2000, 2000, 2001, 2050} {
		at := time.Date(year, 5, 1, 12, 0, 0, 0, time.UTC).UnixMilli()
		must(t, w.Write(t.Context(), change.Block(nil).Append(engagementOf(i, fields{"start_time": at, "end_time": at + 1000}))))
		must(t, w.Flush(t.Context()))
	}
	must(t, w.Close(t.Context()))
	if rows, letters := readRows(t, uri, &model.Engagements), readRows(t, uri, &model.DeadLetters); len(rows) != 1 || len(letters) != 4 {
		t.Errorf("%d rows, %d dead letters", len(rows), len(letters))
	}
	if text := told.String(); strings.Count(text, "mode=load") != 1 || !strings.Contains(text, `rows=4 days=3 which="2000-05-01 2001-05-01 2050-05-01"`) {
		t.Error(text)
	}
}
