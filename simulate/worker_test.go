package simulate

import (
	"cmp"
	"slices"
	"strconv"
	"testing"
)

func TestActivitiesLastFromUpdateToUpdate(t *testing.T) {
	c := day(func(c *Config) { c.Hours, c.Tasks, c.Accounts = 72, 1200, 2 })
	events, _ := draw(t, c)
	type state struct {
		at       int64
		activity string
	}
	last := map[string]state{}
	updates := 0
	for _, e := range events {
		switch e.kind {
		case "worker.created":
			last[e.worker] = state{e.at, "Offline"}
		case "worker.activity.update":
			updates++
			ms, err := strconv.ParseInt(e.text("worker_time_in_previous_activity_ms"), 10, 64)
			if err != nil || ms <= 0 {
				t.Fatalf("%s: %v ms in the previous activity", e.id, ms)
			}
			if e.text("worker_time_in_previous_activity") != strconv.FormatInt(ms/1000, 10) {
				t.Errorf("%s: seconds and milliseconds disagree", e.id)
			}
			if before, ok := last[e.worker]; ok && (before.at != e.at-ms || before.activity != e.text("worker_previous_activity_name")) {
				t.Fatalf("%s: %s for %d ms, but the update before was %d ms ago to %s", e.id,
					e.text("worker_previous_activity_name"), ms, e.at-before.at, before.activity)
			}
			if avail := e.text("worker_activity_name") == "Available"; strconv.FormatBool(avail) != e.text("worker_available") {
				t.Errorf("%s: worker_available is %s in %s", e.id, e.text("worker_available"), e.text("worker_activity_name"))
			}
			last[e.worker] = state{e.at, e.text("worker_activity_name")}
		}
	}
	if updates < 300 {
		t.Errorf("only %d updates", updates)
	}
}

// TestAgentsHoldOneCallAndThreeTexts follows the accepted reservations of every agent.
func TestAgentsHoldOneCallAndThreeTexts(t *testing.T) {
	type edge struct {
		at    int64
		step  int
		phone bool
	}
	c := day(func(c *Config) { c.Tasks = 1500 })
	events, _ := draw(t, c)
	edges := map[string][]edge{}
	most := 0
	for _, list := range byTask(events) {
		open := map[string]seen{}
		for _, e := range list {
			switch e.kind {
			case "reservation.accepted":
				open[e.reservation] = e
			case "reservation.completed":
				from := open[e.reservation]
				delete(open, e.reservation)
				add(edges, from, e.at, func(at int64, step int, phone bool) edge { return edge{at, step, phone} })
			case "task.deleted":
				for _, from := range open {
					add(edges, from, e.at, func(at int64, step int, phone bool) edge { return edge{at, step, phone} })
				}
			}
		}
	}
	for worker, list := range edges {
		slices.SortFunc(list, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), a.step-b.step) })
		calls, texts := 0, 0
		for _, e := range list {
			if e.phone {
				calls += e.step
			} else {
				texts += e.step
			}
			most = max(most, texts)
			if calls > 1 || texts > maxTexts {
				t.Fatalf("%s has %d calls and %d texts at %d", worker, calls, texts, e.at)
			}
		}
	}
	if most < 2 {
		t.Error("no agent ever had two texts at once")
	}
}

func add[E any](edges map[string][]E, from seen, end int64, edge func(int64, int, bool) E) {
	channel := from.text("task_channel_unique_name")
	phone := channel == "voice" || channel == "callback"
	edges[from.worker] = append(edges[from.worker], edge(from.at, 1, phone), edge(end, -1, phone))
}

func TestWorkersLiveAndChange(t *testing.T) {
	c := day(func(c *Config) { c.Hours, c.Tasks, c.Agents = 96, 500, 120 })
	events, _ := draw(t, c)
	kinds := map[string]int{}
	attributes := map[string]map[string]bool{}
	for _, e := range events {
		kinds[e.kind]++
		if e.kind == "worker.attributes.update" {
			if attributes[e.worker] == nil {
				attributes[e.worker] = map[string]bool{}
			}
			attributes[e.worker][e.text("worker_attributes")] = true
		}
	}
	for _, k := range []string{"worker.created", "worker.deleted", "worker.attributes.update", "worker.activity.update",
		"worker.capacity.update", "worker.channel.availability.update"} {
		if kinds[k] == 0 {
			t.Errorf("no %s in %d events", k, len(events))
		}
	}
	changed := 0
	for _, set := range attributes {
		if len(set) > 1 {
			changed++
		}
	}
	if changed == 0 {
		t.Error("no agent's attributes ever change")
	}
}
