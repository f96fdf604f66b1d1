package bigquery

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// differences compares every view over the same changes in DuckDB and in BigQuery, and returns how
// many rows each has.
func differences(t *testing.T, s *bigquerylocal.Server, blocks []change.Block) (rows map[string]int, diff string) {
	t.Helper()
	db := inDuckDB(t, blocks)
	uri := localURI(s, "mode=stream")
	w := openSink(t, uri)
	for _, b := range blocks {
		must(t, w.Write(t.Context(), b))
	}
	must(t, w.Close(t.Context()))
	rows = map[string]int{}
	for _, v := range model.Views {
		want, got := duckLines(t, db, v.Columns(), v.Name), localLines(t, uri, v.Columns(), v.Name)
		rows[v.Name] = len(want)
		if !slices.Equal(want, got) {
			diff += fmt.Sprintf("%s (-DuckDB +BigQuery):\n%.2000s\n", v.Name, cmp.Diff(want, got))
		}
	}
	return rows, diff
}

func TestViewsAnswerAsInDuckDB(t *testing.T) {
	rows, diff := differences(t, startLocal(t, bigquerylocal.Options{}), dayBlocks(t))
	if diff != "" {
		t.Error(diff)
	}
	for _, v := range model.Views {
		if rows[v.Name] == 0 {
			t.Errorf("%s is empty", v.Name)
		}
	}
}

// noon is a time of the days of this file, milliseconds since 1970.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC).UnixMilli()

// A fields says of a row what differs from that of its kind: strings, float64, bool, int64 for a
// time, or nil for null.
type fields map[string]any

func rowOf(table *model.Table, all ...fields) change.Change {
	r := table.NewRow()
	for _, f := range all {
		for name, v := range f {
			cell := &r[table.Col(name)]
			switch v := v.(type) {
			case nil:
				*cell = model.Value{}
			case string:
				*cell = model.Text(v)
			case float64:
				*cell = model.Number(v)
			case bool:
				*cell = model.Boolean(v)
			case int64:
				*cell = model.Millis(v)
			}
		}
	}
	r[table.Col("row_version")] = model.Integer(1)
	return change.Change{Table: table.ID, Row: r}
}

// engagementOf returns a stay in a queue that an agent ended after two seconds, but for what f says.
func engagementOf(n int, f fields) change.Change {
	row := fields{"account_sid": "AC1", "engagement_id": fmt.Sprintf("e%04d", n), "contact_id": "c1", "conversation_id": "v1", "task_sid": "WT1",
		"engagement_type": "Queue", "status": "Completed", "outcome_type": "Accepted", "channel_type": "Voice", "direction": "Inbound", "queue": "Sales", "queue_sid": "WQ1",
		"start_time": noon, "end_time": noon + 2000, "wait_time_seconds": 2.0, "inferred": false, "is_virtual": false, "updated_at": noon}
	for _, c := range model.Engagements.Columns { // what else must not be null
		if _, ok := row[c.Name]; !ok && c.Required && c.Type == model.String {
			row[c.Name] = "x"
		}
	}
	return rowOf(&model.Engagements, row, f)
}

func agentOf(n int, f fields) change.Change {
	return engagementOf(n, merged(fields{"engagement_type": "Agent", "agent_id": "WK1", "wait_time_seconds": nil, "engagement_time_seconds": 30.0}, f))
}

func statusOf(f fields) change.Change {
	return rowOf(&model.AgentStatus, fields{"account_sid": "AC1", "agent_id": "WK1", "interval_start": noon, "activity": "Available", "availability": "Available",
		"seconds": 60.0, "updated_at": noon}, f)
}

func merged(all ...fields) fields {
	m := fields{}
	for _, f := range all {
		for k, v := range f {
			m[k] = v
		}
	}
	return m
}

func TestViewsOfEmptyAndOddDaysAnswerAsInDuckDB(t *testing.T) {
	busy := func(at, n int, seconds float64) change.Change {
		return agentOf(n, fields{"start_time": noon + int64(at), "engagement_time_seconds": seconds})
	}
	tests := []struct {
		name    string
		changes []change.Change
		view    string // has as many rows
		rows    int
	}{
		{"nothing", nil, "conversations", 0},
		{"nothing but a deleted row", []change.Change{func() change.Change { c := engagementOf(1, nil); c.Delete = true; return c }()}, "conversations", 0},
		{"an agent who was busy and never available", []change.Change{busy(0, 1, 30)}, "agent_occupancy", 1},
		{"an agent who was unavailable all day", []change.Change{statusOf(fields{"activity": "Break", "availability": "Unavailable"}), busy(0, 1, 30)}, "agent_occupancy", 1},
		{"an agent who was available for no time", []change.Change{statusOf(fields{"seconds": 0.0})}, "agent_occupancy", 1},
		{"an agent who was busier than available", []change.Change{statusOf(nil), busy(0, 1, 90)}, "agent_occupancy", 1},
		{"an agent with a name, a day apart", []change.Change{
			rowOf(&model.Agents, fields{"account_sid": "AC1", "agent_id": "WK1", "agent_name": "Alena", "state": "Active", "agent_type": "User"}),
			statusOf(nil), busy(86400000, 1, 7)}, "agent_occupancy", 2},
		{"averages half a millisecond from each of two", []change.Change{
			engagementOf(1, fields{"wait_time_seconds": 1.000}), engagementOf(2, fields{"wait_time_seconds": 2.001}), busy(0, 3, 0.001), busy(0, 4, 0.002), busy(0, 5, 2.001), busy(0, 6, 0.002)},
			"handling_time", 1},
		{"sums that no float holds", []change.Change{busy(0, 1, 0.1), busy(0, 2, 0.2), busy(0, 3, 0.3), busy(0, 4, 1e9), busy(0, 5, 0.7)}, "handling_time", 1},
		{"an attribute that is no time", []change.Change{agentOf(1, fields{"hold_time_seconds": 1e300}), agentOf(2, fields{"hold_time_seconds": 0.00049})}, "handling_time", 1},
		{"nothing is over", []change.Change{engagementOf(1, fields{"end_time": nil, "wait_time_seconds": nil, "outcome_type": nil, "status": "In Progress"})}, "service_level", 1},
		{"customers who left at once", []change.Change{engagementOf(1, fields{"outcome_type": "Customer Left", "wait_time_seconds": 0.0})}, "service_level", 1},
		{"before 1970", []change.Change{engagementOf(1, fields{"start_time": int64(-1), "end_time": int64(0)}), engagementOf(2, fields{"start_time": int64(-900001), "end_time": int64(0)})},
			"service_level", 2},
		{"quarter hours and days that begin", []change.Change{engagementOf(1, fields{"start_time": noon + 900000}), engagementOf(2, fields{"start_time": noon + 899999}),
			engagementOf(3, fields{"start_time": noon + 43200000}), engagementOf(4, fields{"start_time": noon + 43199999})}, "service_level", 4},
		{"no queue, no channel", []change.Change{engagementOf(1, fields{"queue": nil, "queue_sid": nil}), engagementOf(2, fields{"queue": "", "queue_sid": "WQ2"})}, "service_level", 2},
		{"virtual tasks and outbound ones", []change.Change{engagementOf(1, fields{"is_virtual": true}),
			engagementOf(2, fields{"direction": "Outbound"}), engagementOf(3, fields{"direction": "Internal"}), engagementOf(4, nil)}, "service_level", 1},
		{"two that begin at once", []change.Change{engagementOf(2, fields{"queue": "B", "contact_id": "c2"}), engagementOf(1, fields{"queue": "A"})}, "conversations", 1},
	}
	s := startLocal(t, bigquerylocal.Options{AnyDay: true}) // 1970 is among them
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b change.Block
			for _, c := range tt.changes {
				b = b.Append(c)
			}
			rows, diff := differences(t, s, []change.Block{b})
			if diff != "" {
				t.Error(diff)
			}
			if rows[tt.view] != tt.rows {
				t.Errorf("%s has %d rows, want %d", tt.view, rows[tt.view], tt.rows)
			}
		})
	}
}

// Without available time there is no share of it.
func TestOccupancyIsNullWithoutAvailableTime(t *testing.T) {
	busy := agentOf(1, fields{"engagement_time_seconds": 30.0})
	breaks := statusOf(fields{"activity": "Break", "availability": "Unavailable"})
	for _, tt := range []struct {
		name    string
		changes []change.Change
		null    bool
	}{
		{"busy and never available", []change.Change{busy}, true},
		{"unavailable all day", []change.Change{breaks, busy}, true},
		{"available for no time", []change.Change{statusOf(fields{"seconds": 0.0}), busy}, true},
		{"available", []change.Change{statusOf(nil), busy}, false},
	} {
		b := block(tt.changes...)
		db := inDuckDB(t, []change.Block{b})
		uri := localURI(startLocal(t, bigquerylocal.Options{}), "mode=stream")
		writeAll(t, uri, sink.Options{}, b)
		columns := []string{"occupancy IS NULL"}
		want := []string{line([]any{tt.null})}
		if got := duckLines(t, db, columns, "agent_occupancy"); !slices.Equal(got, want) {
			t.Errorf("%s, DuckDB: %q, want %q", tt.name, got, want)
		}
		if got := localLines(t, uri, columns, "agent_occupancy"); !slices.Equal(got, want) {
			t.Errorf("%s, BigQuery: %q, want %q", tt.name, got, want)
		}
	}
}

func TestViewsOfADrawnDayAnswerAsInDuckDB(t *testing.T) {
	fewerChecks(t, "4") // a check makes two stores
	s := startLocal(t, bigquerylocal.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		seconds := func(name string) any {
			if ms := rapid.IntRange(-1, 4000).Draw(rt, name); ms >= 0 {
				return float64(ms) / 1000
			}
			return nil
		}
		pick := func(name string, of ...any) any { return rapid.SampledFrom(of).Draw(rt, name) }
		var b change.Block
		for i := range rapid.IntRange(1, 120).Draw(rt, "engagements") {
			start := noon + int64(rapid.IntRange(-2, 2).Draw(rt, "day")*86400000+rapid.IntRange(0, 4000000).Draw(rt, "start"))
			b = b.Append(engagementOf(i, fields{"engagement_type": pick("type", "Queue", "Agent", "Invitation"), "agent_id": pick("agent", "WK1", "WK2", nil), "start_time": start,
				"end_time": pick("end", start+1500, nil), "outcome_type": pick("outcome", "Accepted", "Customer Left", "Missed", nil), "queue_sid": pick("queue", "WQ1", "WQ2", nil),
				"conversation_id": pick("conversation", "v1", "v2", "v3"), "direction": pick("direction", "Inbound", "Outbound", "Internal"), "is_virtual": pick("virtual", false, true),
				"wait_time_seconds": seconds("wait"), "engagement_time_seconds": seconds("engaged"), "wrap_up_time_seconds": seconds("wrap-up"), "hold_time_seconds": seconds("hold")}))
		}
		for i := range rapid.IntRange(0, 40).Draw(rt, "quarters") {
			b = b.Append(statusOf(fields{"agent_id": pick("agent", "WK1", "WK2"), "interval_start": noon + int64(i-20)*900000, "activity": pick("activity", "Available", "Break"),
				"availability": pick("availability", "Available", "Unavailable"), "seconds": float64(rapid.IntRange(0, 900000).Draw(rt, "seconds")) / 1000}))
		}
		if _, diff := differences(t, s, []change.Block{b}); diff != "" {
			rt.Fatal(diff)
		}
	})
}
