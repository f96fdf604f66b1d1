package flink

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Flink counts from 0 after each restart, tells for a moment what was before it, and nothing of the number
// of restarts once the job has ended.
func TestCountersAreSummedOverRestarts(t *testing.T) {
	var c counts
	steps := []struct {
		name     string
		restarts int64
		now      int64
		want     int64
	}{
		{"the beginning", 0, 5, 5},
		{"more", 0, 9, 9},
		{"a restart, and what was before it", 1, 9, 9},
		{"the same", 1, 9, 9},
		{"since the restart", 1, 2, 11},
		{"two restarts, of which one was not seen", 3, 1, 12},
		{"the end", -1, 4, 15},
	}
	for _, s := range steps {
		if got := c.see(s.restarts, map[string]int64{"records": s.now}); got["records"] != s.want {
			t.Errorf("%s: %d, want %d", s.name, got["records"], s.want)
		}
	}
	c.next(anew) // another submission
	if d := cmp.Diff(map[string]int64{"records": 15 + 3, "events": 1}, c.see(0, map[string]int64{"records": 3, "events": 1})); d != "" {
		t.Errorf("another submission (-want +got):\n%s", d)
	}
	c.next(anew)
	if got := c.see(-1, map[string]int64{"records": 2}); got["records"] != 20 {
		t.Errorf("one that ended at once: %v", got)
	}
}
