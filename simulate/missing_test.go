package simulate

import (
	"strings"
	"testing"
)

// A job takes a task with reservations and without task-queue.entered, and an agent with worker.* events
// and without worker.activity.update, for signs that events are missing. Without losses there are none.
func TestNothingSeemsToBeMissingWithoutLosses(t *testing.T) {
	events, _ := draw(t, day(func(c *Config) { c.Tasks = 3000 }))
	reserved, entered, workers, active := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range events {
		switch {
		case e.kind == "task-queue.entered":
			entered[e.task] = true
		case e.reservation != "":
			reserved[e.task] = true
		case e.kind == "worker.activity.update":
			active[e.worker] = true
		case strings.HasPrefix(e.kind, "worker."):
			workers[e.worker] = true
		}
	}
	for task := range reserved {
		if !entered[task] {
			t.Errorf("the task %s never enters a queue", task)
		}
	}
	for worker := range workers {
		if !active[worker] {
			t.Errorf("the agent %s has no activity", worker)
		}
	}
	if len(reserved) < 1000 || len(workers) < 10 {
		t.Errorf("%d tasks, %d agents", len(reserved), len(workers))
	}
}
