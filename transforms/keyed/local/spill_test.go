package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/statedisk"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// spillTicket adds an ended ticket of one event, and brings it to the disk.
func spillTicket(t *testing.T, s *Store, key string) {
	t.Helper()
	add(t, s, "s", 1, ending(key, 1, 1000))
	processDue(t, s, 1000, nil)
	s.AdvanceWatermark(1000 + spillAfter)
	checkpoint(t, s)
	if n := s.Size().Of("ticket").Spilled; n != 1 {
		t.Fatalf("%d tickets are on disk", n)
	}
}

// eventsOf returns the events of a ticket, which must be held.
func eventsOf(t *testing.T, s *Store, key string) []string {
	t.Helper()
	state, ok, err := s.State(tickets.ID, key)
	if err != nil || !ok {
		t.Fatalf("the state of %q is held %t, %v", key, ok, err)
	}
	return idsOf(t, state.Block)
}

func TestNothingOfAVolatileKindOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	o := optionsOf(dir, Sink{"1", "sink"}, 1)
	o.Kinds = append(o.Kinds, keyed.Spec{Name: visitors.Name})
	for range 2 {
		s, _, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Size().Of("visitor").Keys; n != 0 {
			t.Errorf("%d visitors came back", n)
		}
		for _, key := range []string{"a\x001", "a\x002"} {
			add(t, s, "s", 1, inputOfKind(visitors, key, 1, 1000, 0))
		}
		processDue(t, s, 1000, nil)
		s.AdvanceWatermark(1000 + spillAfter)
		checkpoint(t, s)
		add(t, s, "s", 2, inputOfKind(visitors, "a\x002", 2, 1001, 0)) // one is loaded
		checkpoint(t, s)                                               // with a snapshot
		if v := s.Size().Of("visitor"); v.Keys != 2 || v.Spilled != 1 {
			t.Errorf("the store holds %+v", v)
		}
		if state, ok, err := s.State(visitors.ID, "a\x001"); err != nil || !ok || len(idsOf(t, state.Block)) != 1 {
			t.Errorf("the one on disk is held %t, %v", ok, err)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*values*")); len(files) != 0 {
			t.Errorf("there are %v", files)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if log, err := os.ReadFile(filepath.Join(dir, "state")); err != nil || strings.Contains(string(log), "a\x001") {
		t.Errorf("a visitor is in the log, or %v", err)
	}
}

// A snapshot that holds for a moment must hold what is loaded behind that moment.
func TestWhatIsLoadedWhileASnapshotIsWrittenIsInIt(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, 1)
	spillTicket(t, s, "a\x001")
	err := s.Checkpoint(func() error {
		add(t, s, "s", 2, ending("a\x001", 2, 2000))
		return nil
	})
	if err != nil || s.Size().Rewrites == 0 || s.Size().Of("ticket").Spilled != 0 {
		t.Fatalf("the store holds %+v, %v", s.Size(), err)
	}
	s = reopen(t, s, dir)
	defer s.Close()
	if d := cmp.Diff([]string{"EV1"}, eventsOf(t, s, "a\x001")); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// Another goroutine may process and spill a key whose inputs are still to be committed.
func TestAnInputThatIsCommittedBehindItsSpilledStateIsAdded(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	spillTicket(t, s, "a\x001")
	in := ending("a\x001", 2, 2000)
	var b statedisk.Batch
	b.Append(stateKey(tickets, in.Key), appendInput(nil, &in))
	commit(s.disk, &b)
	for range 3 {
		checkpoint(t, s)
		s = reopen(t, s, dir)
		seen := map[string]bool{}
		for _, id := range eventsOf(t, s, "a\x001") {
			seen[id] = true
		}
		if d := cmp.Diff(map[string]bool{"EV1": true, "EV2": true}, seen); d != "" || s.Quiet() {
			t.Errorf("quiet %t, events (-want +got):\n%s", s.Quiet(), d)
		}
	}
	s.Close()
}

// Spilled states stay where they are when a version keeps events in another way.
func TestSpilledStatesOfAnotherLayoutAreReadWhenTheyAreLoaded(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, 1)
	lines := strings.SplitN(model.Layout(), "\n", 2)
	old := lines[0][:strings.LastIndex(lines[0], " ")] + "\n" + lines[1] // without the last attribute of tasks
	s.layouts[0].text = old
	var b statedisk.Batch
	b.Put(layoutKey(0), []byte(old))
	b.Put(ownerKey, appendOwner(nil, s.owner, 0))
	commit(s.disk, &b)
	spillTicket(t, s, "a\x001")
	checkpoint(t, s)
	for range 2 {
		s = reopen(t, s, dir)
		if len(s.layouts) != 2 || s.layouts[0].events == nil || s.layout != 1 {
			t.Errorf("layouts %d, ours is %d", len(s.layouts), s.layout)
		}
		if d := cmp.Diff([]string{"EV1"}, eventsOf(t, s, "a\x001")); d != "" || s.Size().Of("ticket").Spilled != 1 {
			t.Errorf("%+v, events (-want +got):\n%s", s.Size(), d)
		}
		checkpoint(t, s) // with a snapshot
	}
	add(t, s, "s", 2, ending("a\x001", 2, 2000))
	if d := cmp.Diff([]string{"EV1", "EV2"}, eventsOf(t, s, "a\x001")); d != "" {
		t.Errorf("loaded (-want +got):\n%s", d)
	}
	s.Close()
}
