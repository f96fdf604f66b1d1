package flink

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

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

func TestAClusterThatDoesNotRenewItsMetricsIsToldOfOnce(t *testing.T) {
	p := pages{}
	w, _ := watched(t, p)
	var said bytes.Buffer
	w.log = slog.New(slog.NewTextHandler(&said, nil))
	look := func(cpu int64) int {
		p["GET /jobmanager/metrics"] = fmt.Sprintf(`[{"id":"Status.JVM.CPU.Time","value":"%d"}]`, cpu)
		w.renews(t.Context())
		return strings.Count(said.String(), "has not renewed its metrics")
	}
	steps := []struct {
		name string
		cpu  int64
		old  time.Duration // that the last number is so much older
		want int
	}{
		{"the first look", 5, 0, 0},
		{"it was renewed late", 6, 2 * staleAfter, 0},
		{"it stands for a moment", 6, staleAfter / 2, 0},
		{"it stands", 6, staleAfter, 1},
		{"it still stands", 6, staleAfter, 1},
		{"it is renewed", 7, 0, 1},
		{"it stands again", 7, 2 * staleAfter, 2},
	}
	for _, s := range steps {
		w.clock.since = w.clock.since.Add(-s.old)
		if got := look(s.cpu); got != s.want {
			t.Errorf("%s: told %d times, want %d", s.name, got, s.want)
		}
	}
	delete(p, "GET /jobmanager/metrics")
	if w.renews(t.Context()); strings.Count(said.String(), "level=WARN") != 2 {
		t.Errorf("a cluster that does not answer: %s", said.String())
	}
}
