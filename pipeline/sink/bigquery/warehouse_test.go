package bigquery

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/span"
	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// daysAgo returns a time of a day before today.
func daysAgo(n int) int64 {
	return span.Days(time.Now().UnixMilli(), 0).From - int64(n)*span.DayMillis + 8*60*60*1000
}

// versioned sets the version of a change.
func versioned(c change.Change, version int64) change.Change {
	c.Row = slices.Clone(c.Row)
	c.Row[len(c.Row)-1] = model.Integer(version)
	return c
}

// engagementAgo returns an engagement of a task of its own that begins some days ago.
func engagementAgo(days, n int, version int64) change.Change {
	at := daysAgo(days)
	return versioned(engagementOf(10*days+n, fields{"start_time": at, "end_time": at + 1000, "task_sid": fmt.Sprint("WT", 10*days+n), "updated_at": at}), version)
}

// isolatedAgo returns the customer of such a task.
func isolatedAgo(days, n int, version int64) change.Change {
	return versioned(rowOf(&model.Customers, fields{"contact_id": fmt.Sprint("WT", 10*days+n), "contact_kind": "task", "isolated": true, "updated_at": daysAgo(days)}, nil), version)
}

// pastOf returns what so many days left: each with two tasks, one of which has a customer of
// its own, a quarter hour of an agent, and an engagement that was deleted.
func pastOf(days int) []change.Change {
	var all []change.Change
	for d := 1; d <= days; d++ {
		for n := range 3 {
			all = append(all, engagementAgo(d, n, 8))
		}
		all = append(all, deleteOf(engagementAgo(d, 2, 9)), isolatedAgo(d, 1, 8), versioned(statusOf(fields{"interval_start": daysAgo(d), "updated_at": daysAgo(d)}), 8))
	}
	return all
}

// countingHolder counts the rows that are read of a sink.
type countingHolder struct {
	keyed.Holder
	rows int
}

func (h *countingHolder) Owners(ctx context.Context, t model.TableID, in span.Span, f func(model.Row) error) error {
	return h.Holder.Owners(ctx, t, in, func(r model.Row) error { h.rows++; return f(r) })
}

// cost is what a start reads and keeps.
type cost struct {
	Rows     int            // owners that were read
	Keys     int            // whose hashes are kept
	Versions map[string]int // that are kept, by table
	Bytes    map[string]int64
	Queries  int64
}

var partitioned = regexp.MustCompile("FROM `[^`]*\\.(engagements|agent_status)`")

// startOver begins a live job over a dataset, up to the flush of its first changes.
func startOver(t *testing.T, uri string) (c cost) {
	t.Helper()
	w := openSink(t, uri)
	h := &countingHolder{Holder: w}
	p := keyed.NewPriorRows(h)
	must(t, p.Cover(t.Context(), []string{model.TaskKind, model.WorkerKind}, span.Set{{From: daysAgo(2 * keyed.Around), To: math.MaxInt64}}))
	must(t, w.Write(t.Context(), block(engagementAgo(0, 1, 1), engagementAgo(3, 1, 7), versioned(statusOf(fields{"interval_start": daysAgo(2)}), 7), isolatedAgo(0, 1, 9))))
	must(t, w.Flush(t.Context()))
	c.Rows, c.Keys, c.Queries = h.rows, p.Keys(model.TaskKind), w.Queries().Count
	c.Versions, c.Bytes = map[string]int{}, map[string]int64{}
	known := w.router.stream.Load().known
	for i := range known.of {
		c.Versions[tables[i].name] = len(known.of[i].versions)
	}
	must(t, w.Close(t.Context()))
	ask(t, configOf(t, uri), "SELECT query, total_bytes_processed, total_bytes_billed FROM `region-us`.INFORMATION_SCHEMA.JOBS_BY_PROJECT WHERE job_id LIKE 'flexbeam_query%'", func(v []bigquery.Value) {
		query, _ := v[0].(string)
		n, _ := v[1].(int64)
		if m := partitioned.FindStringSubmatch(query); m != nil {
			c.Bytes[m[1]] += n
		}
	})
	return c
}

// A live job reads at its start of a table with partitions what the last thirty days have, and keeps
// that, however much there is behind.
func TestAStartReadsNoMoreOfALongHistory(t *testing.T) {
	var costs []cost
	for _, days := range []int{60, 1000} {
		s := startLocal(t, bigquerylocal.Options{})
		uri := localURI(s, "mode=auto")
		writeAll(t, uri, bounded, block(pastOf(days)...))
		costs = append(costs, startOver(t, uri))
	}
	if d := cmp.Diff(costs[0], costs[1]); d != "" {
		t.Errorf("of 60 days and of 1000 (-want +got):\n%s", d)
	}
	// 30 days of two tasks, one isolated customer and an agent.
	if c := costs[1]; c.Rows != 30*3+1 || c.Keys != 30*2 || c.Bytes["engagements"] == 0 || c.Bytes["agent_status"] == 0 {
		t.Errorf("%+v", c)
	}
	if v := costs[1].Versions; v["engagements"] > 2*40*3 || v["agent_status"] > 40 || v["customers"] != 0 {
		t.Errorf("versions in memory: %v", v)
	}
}

// What is found of the days of events is what a full read finds, where the rows of a task lie within
// fifteen days of its events.
func TestTheRowsThatAreFoundAreThoseOfAFullRead(t *testing.T) {
	w := openSink(t, localURI(startLocal(t, bigquerylocal.Options{}), "mode=stream"))
	run := 0 // of the checks, whose tasks are in one dataset
	rapid.Check(t, func(rt *rapid.T) {
		run++
		asks := map[string]span.Set{}
		var all []change.Change
		for i := range rapid.IntRange(1, 8).Draw(rt, "tasks") {
			day := rapid.IntRange(0, 2000).Draw(rt, "day")
			sid := fmt.Sprint("WT", run, "/", i)
			key := event.Key("AC1", sid)
			asks[key] = keyed.DaysOf([]event.Group{{Events: []*event.Event{{Time: keyed.Millis(daysAgo(day))}}}})
			for range rapid.IntRange(0, 3).Draw(rt, "rows") {
				at := daysAgo(day + rapid.IntRange(-15, 15).Draw(rt, "apart"))
				all = append(all, engagementOf(len(all), fields{"engagement_id": fmt.Sprint(run, " ", len(all)), "start_time": at, "end_time": at, "task_sid": sid}))
			}
		}
		if err := w.Write(context.Background(), block(all...)); err != nil {
			rt.Fatal(err)
		}
		if err := w.Flush(context.Background()); err != nil {
			rt.Fatal(err)
		}
		look, err := keyed.NewPriorRows(w).Looker(context.Background(), &keyed.Kind{Name: model.TaskKind})
		if err != nil {
			rt.Fatal(err)
		}
		states, wanted := map[string]*keyed.State{}, []keyed.Ask{}
		for key, days := range asks {
			out := keyed.Output{Look: look.Look(key)}
			if states[key] = keyed.NewState(); states[key].Ask(keyed.Whole, func() span.Set { return days }, &out) {
				wanted = append(wanted, *out.Ask)
			}
		}
		found, err := look.Find(context.Background(), wanted)
		if err != nil {
			rt.Fatal(err)
		}
		got := 0
		for _, a := range wanted {
			got += found[a.Key].Len()
		}
		if got != len(all) {
			rt.Fatalf("%d rows were found, %d are there", got, len(all))
		}
	})
}

// Of a table without partitions that was merged into, the versions are looked up by the keys of
// changes that are older than the newest merged row, and of no others.
func TestVersionsOfMergedRowsAreLookedUpByKey(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	for _, label := range []string{"", "yes"} { // "yes" is an earlier version's
		uri := localURI(s, "mode=auto")
		contact := func(n int, version int64) change.Change {
			return versioned(rowOf(&model.Customers, fields{"contact_id": fmt.Sprint("+", n), "contact_kind": "phone", "isolated": false, "updated_at": daysAgo(1), "segment": fmt.Sprint("v", version)}, nil), version)
		}
		agents := change.Block{}
		for n := range 20 {
			agents = append(append(agents, sampleAgent(fmt.Sprint("WK", n), int64(100+n))...), block(contact(n, int64(100+n)))...)
		}
		writeAll(t, uri, bounded, agents)
		if label != "" {
			_, d := at(t, uri)
			for _, name := range []string{"agents", "customers"} {
				var u bigquery.TableMetadataToUpdate
				u.SetLabel(mergedLabel, label)
				_, err := d.Table(name).Update(t.Context(), u, "")
				must(t, err)
			}
		}
		w := openSink(t, uri)
		queries := func() int64 { return w.Queries().Count }
		must(t, w.Write(t.Context(), append(sampleAgent("WK0", 500), block(contact(0, 500))...)))
		must(t, w.Flush(t.Context()))
		before := queries()
		must(t, w.Write(t.Context(), append(sampleAgent("WK0", 501), block(contact(0, 501))...)))
		must(t, w.Flush(t.Context()))
		if n := queries() - before; label == "" && n != 0 || label != "" && n != 2 {
			t.Errorf("%d queries for changes that are newer than all merged rows, label %q", n, label)
		}
		before = queries()
		// older ones, of the same version twice, and a delete
		must(t, w.Write(t.Context(), slices.Concat(sampleAgent("WK1", 50), sampleAgent("WK2", 103), sampleAgent("new", 3), sampleAgent("WK1", 102),
			block(contact(1, 50), contact(2, 103), contact(30, 3), deleteOf(contact(3, 50)), deleteOf(contact(4, 105))))))
		must(t, w.Flush(t.Context()))
		if n := queries() - before; n != 2 {
			t.Errorf("%d queries for older changes, want one for each table", n)
		}
		must(t, w.Close(t.Context()))
		versions := map[string]int64{}
		for _, table := range []*model.Table{&model.Agents, &model.Customers} {
			for _, r := range readRows(t, uri, table) {
				versions[r[table.Keys()[len(table.Keys())-1]].Str] = r[len(r)-1].Num
			}
		}
		for key, want := range map[string]int64{"WK0": 501, "WK1": 102, "WK2": 103, "WK3": 103, "new": 3, "+0": 501, "+1": 101, "+2": 103, "+3": 103, "+4": 0, "+5": 105, "+30": 3} {
			if versions[key] != want {
				t.Errorf("%s has version %d, want %d", key, versions[key], want)
			}
		}
	}
}

// A delete is remembered against older changes of its days, for longer than BigQuery does, and only
// the deletes of the days that changes are of are in memory.
func TestDeletesAreRememberedByTheDaysOfTheirRows(t *testing.T) {
	for _, first := range []sink.Options{bounded, {}} {
		now := time.Now()
		s := startLocal(t, bigquerylocal.Options{Now: func() time.Time { return now }})
		uri := localURI(s, "mode=auto")
		var deletes []change.Change
		for d := range 400 {
			deletes = append(deletes, deleteOf(engagementAgo(d, 1, 9)))
		}
		writeAll(t, uri, first, block(append(deletes, engagementAgo(5, 2, 1), isolatedAgo(5, 1, 8), deleteOf(isolatedAgo(5, 1, 9)))...))
		now = now.Add(7 * 24 * time.Hour)
		w := openSink(t, uri)
		must(t, w.Write(t.Context(), block(engagementAgo(5, 1, 8), engagementAgo(300, 1, 8), engagementAgo(301, 2, 8), isolatedAgo(5, 1, 8), engagementAgo(302, 1, 10))))
		must(t, w.Flush(t.Context()))
		known := len(w.router.stream.Load().known.of[model.EngagementsID].versions)
		must(t, w.Close(t.Context()))
		var got []string
		for _, r := range readRows(t, uri, &model.Engagements) {
			got = append(got, model.Engagements.Get(r, "task_sid").Str)
		}
		slices.Sort(got)
		if d := cmp.Diff([]string{"WT3012", "WT3021", "WT52"}, got); d != "" {
			t.Errorf("first %+v (-want +got):\n%s", first, d)
		}
		if rows := readRows(t, uri, &model.Customers); len(rows) > 0 {
			t.Errorf("first %+v: the customer is there again", first)
		}
		if known < 3 || known > 21+33+1 {
			t.Errorf("first %+v: %d versions are in memory", first, known)
		}
	}
}

// Deletes that an earlier version noted do not tell of which day their rows are. They count always.
func TestDeletesOfAnEarlierVersionAreRemembered(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "mode=auto")
	must(t, openSink(t, uri).Close(t.Context()))
	p := configOf(t, uri)
	key := string(tables[model.EngagementsID].appendKey(nil, engagementAgo(700, 1, 9).Row))
	ask(t, p, "INSERT INTO "+p.sql(deletesName)+" (table_name, key, row_version) VALUES ('engagements', '"+strings.ReplaceAll(key, "'", "\\'")+"', 9)", func([]bigquery.Value) {})
	writeAll(t, uri, sink.Options{}, block(engagementAgo(700, 1, 8), engagementAgo(5, 1, 1)))
	if rows := readRows(t, uri, &model.Engagements); len(rows) != 1 || model.Engagements.Get(rows[0], "task_sid").Str != "WT51" {
		t.Errorf("%v", rows)
	}
}
