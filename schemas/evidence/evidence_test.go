package evidence

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCountsSurviveTheirEncoding(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var c Counts
		for k := range c {
			c[k] = rapid.Int64().Draw(r, "count")
		}
		b := c.Append([]byte("before"))
		got, rest, err := Read(append(b, "behind"...)[len("before"):])
		if err != nil || got != c || string(rest) != "behind" {
			r.Fatalf("%v became %v, %q, %v", c, got, rest, err)
		}
		cut := rapid.IntRange(len("before"), len(b)-1).Draw(r, "cut")
		if _, _, err := Read(b[len("before"):cut]); !errors.Is(err, ErrCorrupt) {
			r.Fatalf("%d bytes of %d: %v", cut, len(b), err)
		}
	})
}

func TestCountsOfVersionsWithOtherKindsAreRead(t *testing.T) {
	want := Counts{}
	want[Reserved], want[Unqueued] = 3, 1
	if got, _, err := Read([]byte{2, 6, 2}); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	more := append([]byte{byte(Kinds) + 1}, make([]byte, Kinds+1)...)
	if got, rest, err := Read(more); err != nil || got != (Counts{}) || len(rest) != 0 {
		t.Errorf("%v, %v, %v", got, rest, err)
	}
}

func TestAFindingHasItsNumberItsShareAndTheEventTypes(t *testing.T) {
	var c Counts
	c[Reserved], c[Unqueued], c[Offers], c[Workers], c[WorkersSilent] = 8, 2, 5, 3, 3
	var got []string
	for _, f := range c.Findings() {
		got = append(got, f.String())
	}
	want := []string{
		"2 of 8 (25.0 %) tasks with reservations have no task-queue.entered, so waits are missing: look for task-queue.entered",
		"3 of 3 (all) agents with worker.* events have no activity, so agent_status lacks them: look for worker.activity.update",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := (Counts{}).Findings(); len(got) > 0 {
		t.Errorf("nothing is missing: %v", got)
	}
	for _, s := range Signs {
		if _, types, ok := strings.Cut(s.Text, ": look for "); !ok || types == "" {
			t.Errorf("%s names no event types", s.Name)
		}
	}
}
