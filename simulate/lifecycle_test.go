package simulate

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// history is what a test knows about one task.
type history struct {
	events      []seen
	channel     string
	direction   string
	reason      string // of the cancellation
	outside     bool   // destination in the attributes
	after       string // reason of the completed task that this one follows
	linked, end bool
}

func (h history) count(kind string) (n int) {
	for _, e := range h.events {
		if e.kind == kind {
			n++
		}
	}
	return n
}

// has tells that every kind occurs; a leading ! that it does not.
func (h history) has(kinds ...string) bool {
	for _, k := range kinds {
		name, not := strings.CutPrefix(k, "!")
		if (h.count(name) > 0) == not {
			return false
		}
	}
	return true
}

func (h history) transfer(kind, mode, end string) bool {
	return slices.ContainsFunc(h.events, func(e seen) bool {
		return e.kind == end && e.text("transfer_type") == kind && e.text("transfer_mode") == mode
	})
}

// taken tells that a reservation which was accepted was taken away, and another one accepted.
func (h history) taken() bool {
	had, taken := "", false
	for _, e := range h.events {
		switch r := e.text("reservation_sid"); e.kind {
		case accepted:
			if taken {
				return true
			}
			had = r
		case "reservation.rejected", "reservation.canceled", "reservation.rescinded":
			taken = taken || r == had && had != ""
		}
	}
	return false
}

func (h history) canceled(reason string) bool { return h.reason == reason && h.has("task.canceled") }

const (
	accepted = "reservation.accepted"
	done     = "reservation.completed"
	wrapup   = "reservation.wrapup"
)

// marks recognizes each lifecycle from outside.
var marks = map[string]func(history) bool{
	"call with wrap-up":              func(h history) bool { return h.channel == "voice" && h.has(accepted, wrapup, done) },
	"call without wrap-up":           func(h history) bool { return h.channel == "voice" && h.has(accepted, done, "!"+wrapup) },
	"call, queue times out":          func(h history) bool { return h.has("task-queue.timeout", "task-queue.moved", accepted) },
	"call abandoned in queue":        func(h history) bool { return h.canceled("hangup") && h.has("!reservation.created") },
	"call abandoned while ringing":   func(h history) bool { return h.canceled("hangup") && h.has("reservation.canceled") },
	"callback requested":             func(h history) bool { return h.canceled("Callback requested") },
	"voicemail":                      func(h history) bool { return h.has("task.completed", "!reservation.created") },
	"workflow timeout":               func(h history) bool { return h.channel == "voice" && h.has("workflow.timeout", "!reservation.created") },
	"workflow timeout while ringing": func(h history) bool { return h.has("workflow.timeout", "reservation.timeout") },
	"workflow skipped":               func(h history) bool { return h.has("workflow.skipped", "task.canceled") },
	"time to live exceeded":          func(h history) bool { return h.canceled("Task TTL Exceeded") },
	"canceled through the API":       func(h history) bool { return slices.Contains(apiReasons, h.reason) },
	"deleted in queue":               func(h history) bool { return h.has("task.deleted", "!reservation.created") },
	"deleted while ringing":          func(h history) bool { return h.has("task.deleted", "reservation.canceled") },
	"deleted during the talk":        func(h history) bool { return h.has("task.deleted", accepted) },
	"rejected once":                  func(h history) bool { return h.count("reservation.rejected") == 1 && h.has(accepted) },
	"rejected twice":                 func(h history) bool { return h.count("reservation.rejected") == 2 && h.has(accepted) },
	"reservation timeout":            func(h history) bool { return h.has("reservation.timeout", accepted) },
	"reservation failed":             func(h history) bool { return h.has("reservation.failed", accepted) },
	"several reservations":           func(h history) bool { return h.has("reservation.rescinded", accepted) },
	"cold transfer to a queue":       func(h history) bool { return h.transfer("QUEUE", "COLD", "task.transfer-completed") },
	"warm transfer to a queue":       func(h history) bool { return h.transfer("QUEUE", "WARM", "task.transfer-completed") },
	"cold transfer to an agent":      func(h history) bool { return h.transfer("WORKER", "COLD", "task.transfer-completed") },
	"warm transfer to an agent":      func(h history) bool { return h.transfer("WORKER", "WARM", "task.transfer-completed") },
	"transfer refused": func(h history) bool {
		return h.transfer("WORKER", "WARM", "task.transfer-failed") && h.has("reservation.rejected")
	},
	"transfer refused, offered again": func(h history) bool { return h.has("task.transfer-attempt-failed", "task.transfer-completed") },
	"transfer canceled":               func(h history) bool { return h.has("task.transfer-canceled", done) },
	"customer lost in transfer":       func(h history) bool { return h.transfer("QUEUE", "COLD", "task.transfer-failed") },
	"call transferred by new task":    func(h history) bool { return h.channel == "voice" && h.after == "task transferred" },
	"call transferred outside":        func(h history) bool { return h.outside },
	"outbound call":                   func(h history) bool { return h.channel == "voice" && h.direction == "outbound" },
	"internal call":                   func(h history) bool { return h.direction == "internal" },
	"messaging":                       func(h history) bool { return h.channel == "chat" && h.has(accepted, done) },
	"messaging transferred by new task": func(h history) bool {
		return h.channel != "voice" && h.after == "task transferred"
	},
	"messaging parked":               func(h history) bool { return h.after == "parked" },
	"messaging rejected":             func(h history) bool { return h.channel != "voice" && h.has("reservation.rejected") },
	"messaging without answer":       func(h history) bool { return h.channel != "voice" && h.has("workflow.timeout") },
	"messaging forgotten":            func(h history) bool { return h.channel != "voice" && !h.end && h.has(accepted) },
	"outbound messaging":             func(h history) bool { return h.channel != "voice" && h.direction == "outbound" },
	"messaging ended by the visitor": func(h history) bool { return h.canceled("Customer ended chat.") },
	"messaging taken from the agent": func(h history) bool { return h.channel != "voice" && h.taken() },
	"call taken from the agent":      func(h history) bool { return h.channel == "voice" && h.taken() },
	"time in an IVR, only reported":  func(h history) bool { return h.canceled("IVR task") },
	"outbound call unanswered": func(h history) bool {
		return h.direction == "outbound" && h.has("reservation.canceled", "task.canceled", "!"+accepted)
	},
	"email": func(h history) bool { return h.channel == "email" },
}

func histories(t *testing.T, events []seen) []history {
	tasks := byTask(events)
	reasons := map[string]string{}
	for sid, list := range tasks {
		for _, e := range list {
			if e.kind == "task.completed" {
				reasons[sid] = e.text("task_completed_reason")
			}
		}
	}
	var all []history
	for _, list := range tasks {
		last := list[len(list)-1]
		a := last.attributes(t)
		h := history{events: list, channel: last.text("task_channel_unique_name"), reason: last.text("task_canceled_reason")}
		h.direction, _ = a["direction"].(string)
		if c, ok := a["conversations"].(map[string]any); ok {
			h.outside = c["destination"] != nil
		}
		if p, ok := a["previous_task_sid"].(string); ok {
			h.after, h.linked = reasons[p], true
		}
		h.end = h.count("task.completed")+h.count("task.canceled")+h.count("task.deleted") > 0
		all = append(all, h)
	}
	return all
}

func TestEveryLifecycleOccursInADay(t *testing.T) {
	events := cleanDay()
	found := map[string]int{}
	for _, h := range histories(t, events) {
		for name, mark := range marks {
			if mark(h) {
				found[name]++
			}
		}
	}
	for _, l := range lifecycles {
		if marks[l.name] == nil {
			t.Errorf("%s: the test does not know how to recognize it", l.name)
		} else if found[l.name] == 0 {
			t.Errorf("%s: none", l.name)
		}
	}
}

func TestForgottenTasksAreDeletedAfterADay(t *testing.T) {
	events, _ := draw(t, day(func(c *Config) { c.Hours, c.Tasks = 44, 1500 }))
	n := 0
	for _, h := range histories(t, events) {
		if h.has("task.system-deleted", accepted, "!"+done) {
			n++
		}
	}
	if n == 0 {
		t.Error("none")
	}
}

func TestSharesAddUpToAHundred(t *testing.T) {
	sums := map[string]float64{}
	for _, l := range lifecycles {
		sums["lifecycles"] += l.share
	}
	for _, a := range activities {
		sums["activities"] += a.share
	}
	for _, f := range forms {
		sums["forms"] += f.share
	}
	for _, f := range faults {
		sums["faults"] += f.share
	}
	for _, s := range shifts {
		sums["shifts"] += s.share
	}
	for _, m := range messageTypes {
		sums["messaging"] += m.share
	}
	for name, sum := range sums {
		if math.Abs(sum-100) > 1e-9 {
			t.Errorf("%s: %v", name, sum)
		}
	}
}
