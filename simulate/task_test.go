package simulate

import (
	"strings"
	"testing"
)

// nearby is how far events of one moment lie apart, in milliseconds.
const nearby = 60

// TestTasksLiveLegally walks every task and its reservations through their states.
func TestTasksLiveLegally(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		events, _ := draw(t, day(func(c *Config) { c.Seed = seed; c.Hours = 36; c.Tasks = 1200 }))
		for task, list := range byTask(events) {
			if err := walk(list); err != "" {
				t.Fatalf("seed %d: %s: %s\n%s", seed, task, err, kindsOf(list))
			}
		}
	}
}

func walk(list []seen) string {
	created, ended := int64(0), int64(0)
	states := map[string]string{}
	version := "0"
	for _, e := range list {
		if ended > 0 && e.at > ended+nearby && e.kind != "task.updated" {
			return e.kind + " after the end"
		}
		if len(e.text("task_version")) >= len(version) && e.text("task_version") < version {
			return "version falls"
		}
		version = e.text("task_version")
		switch e.kind {
		case "task.created":
			if created > 0 {
				return "created twice"
			}
			created = e.at
		case "task.completed", "task.canceled", "task.deleted", "task.system-deleted":
			if ended > 0 {
				return e.kind + " after another end"
			}
			ended = e.at
			if e.kind == "task.canceled" && e.text("task_canceled_reason") == "" {
				return "canceled without a reason"
			}
		}
		step, ok := strings.CutPrefix(e.kind, "reservation.")
		if !ok {
			continue
		}
		if (e.worker == "") != (step == "failed") {
			return "worker " + e.worker + " on " + e.kind
		}
		if want := allowed[step]; !strings.Contains(want, "|"+states[e.reservation]+"|") {
			return step + " in state " + states[e.reservation]
		}
		states[e.reservation] = step
	}
	for r, state := range states {
		if ended > 0 && state == "created" && ended+nearby < list[len(list)-1].at {
			return r + " stays open"
		}
	}
	return ""
}

// allowed lists the states from which a reservation gets somewhere.
var allowed = map[string]string{
	"created":   "||",
	"accepted":  "|created|",
	"rejected":  "|created|accepted|",
	"timeout":   "|created|",
	"canceled":  "|created|accepted|",
	"rescinded": "|created|accepted|",
	"failed":    "|created|",
	"wrapup":    "|accepted|",
	"completed": "|accepted|wrapup|",
}

func kindsOf(list []seen) string {
	var b strings.Builder
	for _, e := range list {
		b.WriteString(e.kind + " ")
	}
	return b.String()
}

func TestAttributesTellOfCustomersAndConversations(t *testing.T) {
	events, _ := draw(t, day(func(c *Config) { c.Accounts, c.Tasks = 3, 1200 }))
	visits := map[string]map[string]bool{} // customer, account
	tiers := map[string]map[string]bool{}
	counts := map[string]int{}
	for _, e := range events {
		if e.kind != "task.completed" && e.kind != "task.updated" {
			continue
		}
		a := e.attributes(t)
		conversations, _ := a["conversations"].(map[string]any)
		for k := range conversations {
			counts[e.kind+" "+k]++
		}
		if customers, ok := a["customers"].(map[string]any); ok {
			phone := customers["phone"].(string)
			if visits[phone] == nil {
				visits[phone], tiers[phone] = map[string]bool{}, map[string]bool{}
			}
			visits[phone][e.account] = true
			tiers[phone][customers["category"].(string)] = true
		}
	}
	for _, k := range []string{"task.completed segment_link", "task.updated segment_link", "task.completed outcome", "task.completed fact_01",
		"task.completed hold_time", "task.completed conversation_id", "task.completed campaign", "task.completed campain", "task.updated media"} {
		if counts[k] == 0 {
			t.Errorf("no %s", k)
		}
	}
	shared, changed := 0, 0
	for phone := range visits {
		if len(visits[phone]) > 1 {
			shared++
		}
		if len(tiers[phone]) > 1 {
			changed++
		}
	}
	if shared == 0 || changed == 0 {
		t.Errorf("%d customers of several accounts, %d whose category changes", shared, changed)
	}
}
