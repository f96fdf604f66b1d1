package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A job says which event types seem to be missing, in every way in which it can run.
func TestASummarySaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	envelope := func(id, kind, at, more string) string {
		return `{"id":"` + id + `","type":"com.twilio.taskrouter.` + kind + `","time":"2026-03-02T` + at + `Z","data":{"payload":{"account_sid":"AC1","sid":"` + id +
			`","timestamp":"2026-03-02T` + at + `Z"` + more + `}}}` + "\n"
	}
	offer := func(id, kind, at, task string) string {
		return envelope(id, "reservation."+kind, at, `,"task_sid":"`+task+`","reservation_sid":"WR`+task+`","worker_sid":"WK1"`)
	}
	write(t, filepath.Join(dir, "day.ndjson"), strings.Join([]string{
		envelope("EV1", "task-queue.entered", "09:00:00", `,"task_sid":"WT1"`),
		offer("EV2", "created", "09:00:01", "WT1"), offer("EV3", "accepted", "09:00:05", "WT1"), offer("EV4", "completed", "09:01:00", "WT1"),
		offer("EV5", "created", "09:02:00", "WT2"), offer("EV6", "accepted", "09:02:05", "WT2"),
		envelope("EV7", "task.completed", "09:03:00", `,"task_sid":"WT2"`),
		envelope("EV8", "worker.attributes.update", "08:00:00", `,"worker_sid":"WK1"`),
	}, ""))
	want := []string{
		"warning: events are missing: not subscribed to, or lost",
		"  1 of 2 (50.0 %) tasks with reservations have no task-queue.entered, so waits are missing: look for task-queue.entered",
		"  1 of 2 (50.0 %) engagements of agents have no end of their own, it was inferred: look for reservation.completed, reservation.wrapup",
		"  1 of 1 (all) agents with worker.* events have no activity, so agent_status lacks them: look for worker.activity.update",
	}
	for name, how := range map[string][]string{"direct": {"--runner=direct"}, "prism": {"--runner=prism"}, "stream": {"--mode=stream"}} {
		r := start(t, dir, "", append([]string{"run", "--source=file:day.ndjson", "--sink=jsonl:" + name}, how...)...)
		_, tail, _ := strings.Cut(r.errors, "warning: ")
		lines := strings.Split("warning: "+tail, "\n")
		if diff := cmp.Diff(want, lines[:min(len(lines), len(want))]); diff != "" || r.code != 0 {
			t.Errorf("%s: exit %d (-want +got):\n%s\n%s", name, r.code, diff, r.errors)
		}
	}
	r := start(t, dir, "", "run", "--source=file:day.ndjson", "--sink=jsonl:json", "--log-format=json")
	var done struct {
		Missing []struct {
			Sign  string
			Share float64
		}
	}
	if err := json.Unmarshal([]byte(r.errors), &done); err != nil {
		t.Fatalf("%v: %s", err, r.errors)
	}
	signs := map[string]float64{}
	for _, m := range done.Missing {
		signs[m.Sign] = m.Share
	}
	if diff := cmp.Diff(map[string]float64{"queue_entry": 0.5, "agent_end": 0.5, "activity": 1.0}, signs); diff != "" {
		t.Errorf("the log line (-want +got):\n%s", diff)
	}
	write(t, filepath.Join(dir, "whole.ndjson"), envelope("EV1", "task.completed", "09:00:00", `,"task_sid":"WT1"`))
	if r := start(t, dir, "", "run", "--source=file:whole.ndjson", "--sink=jsonl:whole"); r.code != 0 || strings.Contains(r.errors, "warning") {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
}

// A simulated day of which nothing is lost has no sign of it, though some of its tasks are routed straight
// to an agent, some are deleted during the talk, and some agents are new. One with losses has.
func TestADayWithoutLossesWarnsOfNothing(t *testing.T) {
	dir := t.TempDir()
	for name, more := range map[string][]string{"whole": nil, "partly": {"--losses=0.02"}} {
		if r := start(t, dir, "", append([]string{"simulate", "--tasks=3000", "--seed=5", "--out=" + name + ".ndjson"}, more...)...); r.code != 0 {
			t.Fatal(r.errors)
		}
		r := start(t, dir, "", "run", "--source=file:"+name+".ndjson", "--sink=duckdb:"+name+".duckdb")
		if warned := strings.Contains(r.errors, "warning: events are missing"); r.code != 0 || warned != (more != nil) {
			t.Errorf("%s: exit %d:\n%s", name, r.code, r.errors)
		}
	}
}
