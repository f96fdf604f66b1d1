package local

import (
	"strconv"
	"testing"

	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/transforms/keyed"
)

// counting are rules that find one ticket, and that something is missing of it until it has a
// second event.
var counting = rules{func(s *keyed.State, out *keyed.Output) (keyed.Millis, error) {
	groups, err := s.Groups(tickets.Field, new([]event.Event))
	if err != nil {
		return keyed.None, err
	}
	events := 0
	for _, g := range groups {
		events += len(g.Events)
	}
	var c evidence.Counts
	c[evidence.Reserved] = 1
	if events < 2 {
		c[evidence.Unqueued] = 1
	}
	s.CountEvidence(c, out)
	return keyed.None, nil
}}

// What is missing is counted once for each ticket, however often it is processed, spilled, loaded
// and dropped, and by however many processes.
func TestWhatIsMissingIsCountedOnceOverRestarts(t *testing.T) {
	dir := t.TempDir()
	var s *Store
	var total evidence.Counts
	begin := func() {
		s = openAt(t, dir, 1) // the log is rewritten at each checkpoint
		work(s, tickets, counting)
		total = s.Missing()
	}
	settle := func(at keyed.Millis) {
		t.Helper()
		s.AdvanceWatermark(at)
		err := s.Process(t.Context(), at, Work{Wake: func(keyed.Millis) {}, Done: func(_ *keyed.Kind, out *keyed.Output) { total = total.Plus(out.Evidence) }})
		if err != nil {
			t.Fatal(err)
		}
		checkpoint(t, s)
	}
	restart := func(at keyed.Millis) {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		begin()
		settle(at)
	}
	want := func(when string, reserved, unqueued int64) {
		t.Helper()
		if total[evidence.Reserved] != reserved || total[evidence.Unqueued] != unqueued {
			t.Errorf("%s: counted %d tickets and %d, want %d and %d", when, total[evidence.Reserved], total[evidence.Unqueued], reserved, unqueued)
		}
	}
	begin()
	for i := range 4 {
		add(t, s, "s", i, ending("a\x00"+strconv.Itoa(i), 1, 1000))
	}
	settle(1000)
	want("at first", 4, 4)
	restart(1000)
	want("in memory", 4, 4)
	settle(1000 + spillAfter) // a checkpoint puts them on disk
	if n := s.Size().Of("ticket").Spilled; n != 4 {
		t.Fatalf("%d tickets are on disk", n)
	}
	restart(1000 + spillAfter)
	want("on disk", 4, 4)
	add(t, s, "s", 5, ending("a\x001", 2, 2000+spillAfter))
	settle(2000 + spillAfter)
	want("one was loaded", 4, 3)
	restart(2000 + spillAfter)
	want("one was loaded by an earlier process", 4, 3)
	if err := s.Expire(10 * keyed.Day); err != nil {
		t.Fatal(err)
	}
	settle(10 * keyed.Day)
	if n := s.Size().Of("ticket").Keys; n != 0 {
		t.Fatalf("%d tickets are there", n)
	}
	want("all were dropped", 4, 3)
	restart(10 * keyed.Day)
	want("all were dropped by an earlier process", 4, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
