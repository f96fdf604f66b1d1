package bigquery

import (
	"bytes"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"google.golang.org/api/iterator"

	"flexbeam/internal/span"
	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// staleURI is a dataset whose tables may answer as of ten minutes ago.
func staleURI(s *bigquerylocal.Server, options string) string {
	return strings.Replace(localURI(s, options), "max_staleness=0s", "max_staleness=10m", 1)
}

func TestAJobReadsWhatTheOneBeforeItStreamed(t *testing.T) {
	var ahead atomic.Int64 // of the service's clock
	s := startLocal(t, bigquerylocal.Options{HoldChanges: true, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	uri := staleURI(s, "mode=stream")
	writeAll(t, uri, sink.Options{}, change.Block(nil).Append(engagementOf(1, nil)))
	w := openSinkWith(t, uri, bounded)
	w.reading.poll = 10 * time.Millisecond
	time.AfterFunc(200*time.Millisecond, func() { ahead.Store(int64(11 * time.Minute)) }) // BigQuery applies the changes meanwhile
	var keys []string
	keep := func(r model.Row) error {
		keys = append(keys, model.Engagements.Get(r, "task_sid").Str)
		return nil
	}
	must(t, w.Owners(t.Context(), model.EngagementsID, span.All, keep))
	must(t, w.Find(t.Context(), model.EngagementsID, model.OwnerQuery{Owners: []model.OwnerKey{{Account: "AC1", SID: "WT1"}}, To: math.MaxInt64}, keep))
	if !slices.Equal(keys, []string{"WT1", "WT1"}) {
		t.Errorf("read %q", keys)
	}
}

func TestAJobDoesNotWaitForWhatItStreamsItself(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{HoldChanges: true})
	w := openSinkWith(t, staleURI(s, "mode=stream"), bounded)
	must(t, w.Write(t.Context(), change.Block(nil).Append(engagementOf(1, nil))))
	must(t, w.Flush(t.Context()))
	must(t, w.Owners(t.Context(), model.EngagementsID, span.All, func(model.Row) error { return nil }))
}

func TestAJobWithoutAnEndDoesNotWaitAndSaysSo(t *testing.T) {
	var told bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&told, nil)))
	defer slog.SetDefault(before)
	s := startLocal(t, bigquerylocal.Options{HoldChanges: true})
	uri := staleURI(s, "mode=stream")
	writeAll(t, uri, sink.Options{}, change.Block(nil).Append(engagementOf(1, nil)))
	w := openSink(t, uri)
	for range 2 {
		must(t, w.Owners(t.Context(), model.EngagementsID, span.All, func(model.Row) error { return nil }))
	}
	if text := told.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "table=engagements") {
		t.Error(text)
	}
}

func TestReadingChangesNoTable(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{HoldChanges: true})
	uri := staleURI(s, "mode=stream")
	writeAll(t, uri, sink.Options{}, change.Block(nil).Append(engagementOf(1, nil)))
	etags := func() (all []string) {
		_, d := at(t, uri)
		for it := d.Tables(t.Context()); ; {
			table, err := it.Next()
			if err == iterator.Done {
				return all
			}
			must(t, err)
			meta, err := table.Metadata(t.Context())
			must(t, err)
			all = append(all, table.TableID+" "+meta.ETag)
		}
	}
	w := openSink(t, uri)
	before := etags()
	for _, table := range model.Tables {
		must(t, w.Owners(t.Context(), table.ID, span.All, func(model.Row) error { return nil }))
		must(t, w.Find(t.Context(), table.ID, model.OwnerQuery{Owners: []model.OwnerKey{{Account: "AC1", SID: "WT1"}}, To: math.MaxInt64}, func(model.Row) error { return nil }))
	}
	counts, err := w.Counts(t.Context())
	must(t, err)
	if after := etags(); !slices.Equal(before, after) {
		t.Errorf("%q, then %q", before, after)
	}
	if _, told := counts["engagements"]; told || len(counts) != len(model.Tables)-1 {
		t.Errorf("rows that nobody can count yet are counted: %v", counts)
	}
}

func TestAStalenessThatAnEarlierVersionLeftIsPutBackAndTold(t *testing.T) {
	var told bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&told, nil)))
	defer slog.SetDefault(before)
	s := startLocal(t, bigquerylocal.Options{})
	uri := staleURI(s, "")
	must(t, apply(t, uri))
	_, d := at(t, uri)
	staleness := func(name string) time.Duration {
		meta, err := d.Table(name).Metadata(t.Context())
		must(t, err)
		if meta.MaxStaleness == nil {
			return 0
		}
		return meta.MaxStaleness.ToDuration()
	}
	var left bigquery.TableMetadataToUpdate // as the earlier version: no label, and 0
	left.MaxStaleness = bigquery.IntervalValueFromDuration(0)
	left.DeleteLabel(stalenessLabel)
	_, err := d.Table("agents").Update(t.Context(), left, "")
	must(t, err)
	var chosen bigquery.TableMetadataToUpdate // by its owner
	chosen.MaxStaleness = bigquery.IntervalValueFromDuration(0)
	_, err = d.Table("engagements").Update(t.Context(), chosen, "")
	must(t, err)
	for range 2 {
		must(t, apply(t, strings.Replace(uri, "max_staleness=10m&", "", 1)))
	}
	if a, e := staleness("agents"), staleness("engagements"); a != defaultStaleness || e != 0 {
		t.Errorf("agents %v, engagements %v", a, e)
	}
	_, err = d.Table("customers").Update(t.Context(), left, "")
	must(t, err)
	must(t, apply(t, uri)) // whose option says 10m
	if c := staleness("customers"); c != 10*time.Minute || !strings.Contains(told.String(), "table=customers max_staleness=10m") {
		t.Errorf("customers %v: %s", c, &told)
	}
	if n := strings.Count(told.String(), "max_staleness=15m"); n != 1 || !strings.Contains(told.String(), "table=agents") {
		t.Errorf("told %d times: %s", n, &told)
	}
}
