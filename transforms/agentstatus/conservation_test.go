package agentstatus_test

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/model"
)

const quarter = 900_000

// A clock tells who held each moment of a worker's time, by looking at the events around it alone.
type clock struct {
	events []history.Event // updates and deletions, in order
	asOf   int64
}

// holder returns the activity of the time between two neighbouring bounds, empty for nobody's.
func (c clock) holder(from, to int64) string {
	before, after := -1, -1 // the last event up to the stretch, the first one behind it
	for i, e := range c.events {
		if e.Time <= from {
			before = i
		} else if after < 0 && e.Time >= to {
			after = i
		}
	}
	entered := ""
	if before >= 0 && c.events[before].Kind != "worker.deleted" {
		entered = name(c.events[before], "worker_activity_name")
	}
	if after < 0 { // running
		if to <= c.asOf/quarter*quarter {
			return entered
		}
		return ""
	}
	next := c.events[after]
	if next.Kind == "worker.deleted" {
		return entered
	}
	held, known := lasted(next)
	switch {
	case known && from < next.Time-held:
		return entered // a gap
	case known:
		return name(next, "worker_previous_activity_name")
	}
	for _, e := range c.events[:before+1] {
		if e.Kind != "worker.deleted" { // there was an update to count from
			return name(next, "worker_previous_activity_name")
		}
	}
	return ""
}

// bounds are the moments at which the holder may change.
func (c clock) bounds() []int64 {
	b := []int64{c.asOf / quarter * quarter}
	for _, e := range c.events {
		b = append(b, e.Time)
		if held, known := lasted(e); known {
			b = append(b, e.Time-held)
		}
	}
	slices.Sort(b)
	return slices.Compact(b)
}

func name(e history.Event, field string) string { return strings.TrimSpace(e.Text(field)) }

// lasted returns the time in the previous activity, ms.
func lasted(e history.Event) (int64, bool) {
	number := func(field string) (int64, bool) {
		switch v := e.Fields[field].(type) {
		case int64:
			return v, true
		case string:
			n, err := strconv.ParseInt(v, 10, 64)
			return n, err == nil
		}
		return 0, false
	}
	if ms, ok := number("worker_time_in_previous_activity_ms"); ok {
		return ms, true
	}
	s, ok := number("worker_time_in_previous_activity")
	return s * 1000, ok
}

// TestTheQuarterHoursOfAnAgentAddUp compares the rows with the time that each activity held, and no
// quarter hour is fuller than it can be.
func TestTheQuarterHoursOfAnAgentAddUp(t *testing.T) {
	total := int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		events := history.Draw(rt, history.Size{Workers: 2})
		asOf := history.At(float64(history.NewDice(rt).N(20000)))
		rows := history.Fold(history.Lines(events, history.All(history.Object)), history.Options{AsOf: asOf})["agent_status"]

		type key struct{ account, agent, activity string }
		got, quarters := map[key]int64{}, map[[3]string]int64{}
		t := &model.AgentStatus
		for _, r := range rows {
			ms := int64(math.Round(t.Get(r, "seconds").Float64() * 1000))
			account, agent, start := t.Get(r, "account_sid").Str, t.Get(r, "agent_id").Str, t.Get(r, "interval_start")
			got[key{account, agent, t.Get(r, "activity").Str}] += ms
			q := [3]string{account, agent, start.String()}
			quarters[q] += ms
			if ms <= 0 || quarters[q] > quarter || start.Num%quarter != 0 {
				rt.Fatalf("%v: %d ms, together %d ms in a quarter hour", q, ms, quarters[q])
			}
		}

		clocks := map[[2]string]*clock{}
		for _, e := range events {
			if e.Kind != "worker.activity.update" && e.Kind != "worker.deleted" {
				continue
			}
			k := [2]string{e.Account, e.Text("worker_sid")}
			if clocks[k] == nil {
				clocks[k] = &clock{asOf: asOf}
			}
			clocks[k].events = append(clocks[k].events, e)
		}
		want := map[key]int64{}
		for k, c := range clocks {
			slices.SortFunc(c.events, func(a, b history.Event) int {
				return cmp.Or(cmp.Compare(a.Time, b.Time), strings.Compare(a.ID, b.ID))
			})
			b := c.bounds()
			for i := 1; i < len(b); i++ {
				if a := c.holder(b[i-1], b[i]); a != "" && !strings.EqualFold(a, "offline") {
					want[key{k[0], k[1], a}] += b[i] - b[i-1]
				}
			}
		}
		for k, ms := range want {
			total += ms
			if got[k] != ms {
				rt.Fatalf("%v: %d ms in rows, %d ms on the clock", k, got[k], ms)
			}
		}
		if len(got) != len(want) {
			rt.Fatalf("rows of %v, time of %v", got, want)
		}
	})
	if total < 1000*quarter {
		t.Errorf("only %d ms were drawn", total)
	}
}
