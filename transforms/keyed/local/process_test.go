package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/change"
	"flexbeam/transforms/keyed"
)

// processDue processes what is due. changes may be nil.
func processDue(t testing.TB, s *Store, at keyed.Millis, changes func([]byte)) {
	t.Helper()
	w := workOf(changes)
	w.Now = s.Watermark()
	if err := s.Process(context.Background(), at, w); err != nil {
		t.Fatal(err)
	}
}

func workOf(changes func([]byte)) Work {
	return Work{
		Now: keyed.None,
		Changes: func(b change.Block) {
			if changes != nil {
				changes(b)
			}
		},
		Wake: func(keyed.Millis) {}, Done: func(*keyed.Kind, *keyed.Output) {},
	}
}

// telling are rules whose changes are the ids of a state's events, each on a line.
func telling(t testing.TB) rules {
	return rules{func(s *keyed.State, out *keyed.Output) (keyed.Millis, error) {
		for _, id := range idsOf(t, s.Block) {
			out.Changes = append(append(out.Changes, id...), '\n')
		}
		return keyed.None, nil
	}}
}

func TestProcessGivesTheChangesInOrderAndCountsThemOnceTheyAreWritten(t *testing.T) {
	s := open(t, "")
	work(s, tickets, telling(t))
	var want []string
	for i := range 3 * groupKeys / 2 {
		add(t, s, "s", i, inputOf(tickets, fmt.Sprintf("a\x00%04d", i), i, 1000))
		want = append(want, fmt.Sprint("EV", i))
	}
	s.slotOf(tickets.ID).due.add("a\x00none", 1000) // a key without a state
	var got []string
	waited := 0
	w := workOf(func(b []byte) {
		if s.Quiet() {
			t.Error("the store is quiet before the changes are written")
		}
		got = append(got, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")...)
	})
	w.Done = func(_ *keyed.Kind, out *keyed.Output) {
		if out.Waited == 1000 {
			waited++
		}
	}
	err := s.Process(context.Background(), 1000, w)
	if d := cmp.Diff(want, got); d != "" || err != nil || !s.Quiet() {
		t.Errorf("%v, quiet %t (-want +got):\n%s", err, s.Quiet(), d)
	}
	if waited != len(want) {
		t.Errorf("%d keys had waited since 1000, want %d", waited, len(want))
	}
}

// Each goroutine has rules of its own.
func TestRulesServeOneGoroutineAtATime(t *testing.T) {
	s := open(t, "")
	z := s.slotOf(tickets.ID)
	for i := range z.logics {
		busy := make(chan struct{}, 1)
		z.logics[i] = rules{func(*keyed.State, *keyed.Output) (keyed.Millis, error) {
			select {
			case busy <- struct{}{}:
				<-busy
			default:
				t.Error("two goroutines use the same rules")
			}
			return keyed.None, nil
		}}
	}
	for i := range 2 * groupKeys {
		add(t, s, "s", i, inputOf(tickets, fmt.Sprintf("a\x00%04d", i), i, 1000))
	}
	processDue(t, s, 1000, nil)
}

func TestAGroupThatFailsWritesNothing(t *testing.T) {
	s := open(t, "")
	for i, key := range []string{"a\x001", "a\x002"} {
		add(t, s, "s", i, inputOf(tickets, key, i, 1000))
	}
	work(s, tickets, rules{func(s *keyed.State, out *keyed.Output) (keyed.Millis, error) {
		if slices.Equal(idsOf(t, s.Block), []string{"EV1"}) {
			return keyed.None, errBad
		}
		out.Changes = append(out.Changes, 1)
		return keyed.None, nil
	}})
	err := s.Process(context.Background(), 1000, workOf(func([]byte) { t.Error("changes were written") }))
	if !errors.Is(err, errBad) || s.Quiet() {
		t.Errorf("got %v, quiet %t", err, s.Quiet())
	}
	add(t, s, "s", 3, inputOf(tickets, "a\x003", 3, 1000))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Process(ctx, 1000, workOf(func([]byte) { t.Error("changes were written") })); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// A crash between a fold that lets go of events and the flush of its rows must find those events in
// the log: no checkpoint comes between the two.
func TestNoCheckpointComesBetweenAFoldAndItsRows(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	add(t, s, "s", 1, inputOf(people, "a\x00w", 1, 1000))
	var order []string
	kept := make(chan error, 1)
	work(s, people, rules{func(state *keyed.State, out *keyed.Output) (keyed.Millis, error) {
		state.Replace(slices.Clone(state.Block))
		out.Changes = append(out.Changes, 1)
		go func() {
			kept <- s.Checkpoint(func() error {
				order = append(order, "flush")
				return nil
			})
		}()
		return keyed.None, nil
	}})
	processDue(t, s, 1000, func([]byte) {
		select {
		case err := <-kept:
			t.Errorf("kept before the rows were written: %v", err)
			kept <- err
		default:
		}
		order = append(order, "write")
	})
	if err := <-kept; err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"write", "flush"}, order); d != "" {
		t.Error(d)
	}
}

// What a fold lets go of whose rows were lost stays in the log.
func TestNothingIsKeptBehindAFoldThatFailed(t *testing.T) {
	tests := []struct {
		name  string
		input bool // for a key of another kind, which is refused: else the sink ends the bundle
	}{{"behind the rules", true}, {"in the sink", false}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			add(t, s, "s", 1, inputOf(people, "a\x00w", 1, 1000))
			checkpoint(t, s)
			work(s, people, rules{func(s *keyed.State, out *keyed.Output) (keyed.Millis, error) {
				s.Replace(nil)
				out.Changes = append(out.Changes, 1)
				if test.input {
					out.Inputs = append(out.Inputs, keyed.Input{Kind: tickets.ID, Key: "a\x001", Value: []byte{}, Arrival: 1000})
				}
				return keyed.None, nil
			}})
			failed := func() (err error) {
				defer func() {
					if r := recover(); r != nil {
						err = r.(error)
					}
				}()
				return s.Process(context.Background(), 1000, workOf(func([]byte) { panic(errBad) }))
			}()
			if !errors.Is(failed, errBad) {
				t.Fatalf("got %v", failed)
			}
			flushed := false
			if err := s.Checkpoint(func() error { flushed = true; return nil }); err != nil || !flushed {
				t.Errorf("%v, flushed %t", err, flushed)
			}
			s = reopen(t, s, dir)
			defer s.Close()
			found := false
			locked(s, people, "a\x00w", func(_ *slot, l *entry) { found = len(idsOf(t, l.Block)) == 1 })
			if !found {
				t.Error("the event that the fold let go of is lost")
			}
		})
	}
}

// A caller of Add that panics, as a runner's emitters do, leaves no state locked.
func TestARefusalThatPanicsLocksNothing(t *testing.T) {
	s := open(t, "")
	add(t, s, "s", 1, inputOf(people, "a\x00w", 1, 1000))
	locked(s, people, "a\x00w", func(_ *slot, l *entry) { l.Bound = 5000 })
	func() {
		defer func() { _ = recover() }()
		_ = s.Add(batchOf("s", 2, inputOf(people, "a\x00w", 2, 2000)), func(keyed.Millis) {}, func(*keyed.Input, []int) { panic("the sink is gone") })
		t.Error("no panic")
	}()
	if l := s.slotOf(people.ID).live["a\x00w"]; !l.TryLock() {
		t.Error("the state is locked")
	}
	if p := string(s.Positions()["s"]); p != "1" {
		t.Errorf("the position moved to %s", p)
	}
}

// A key that wants to be called again has a timer, and is called though nothing arrives.
func TestAKeyIsProcessedAgainWhenItAsksForIt(t *testing.T) {
	s := open(t, "")
	n := 0
	work(s, people, rules{func(*keyed.State, *keyed.Output) (keyed.Millis, error) {
		n++
		return keyed.Millis(1000 + 500*n), nil
	}})
	add(t, s, "s", 1, inputOf(people, "a\x00w", 1, 1000))
	var woken []keyed.Millis
	w := workOf(nil)
	w.Wake = func(at keyed.Millis) { woken = append(woken, at) }
	for _, step := range []struct {
		at keyed.Millis
		n  int
	}{{999, 0}, {1000, 1}, {1499, 1}, {1500, 2}, {1500, 2}, {2000, 3}} {
		if err := s.Process(context.Background(), step.at, w); err != nil || n != step.n {
			t.Errorf("at %d: processed %d times, want %d; %v", step.at, n, step.n, err)
		}
	}
	if d := cmp.Diff([]keyed.Millis{1500, 2000, 2500}, woken); d != "" {
		t.Errorf("timers (-want +got):\n%s", d)
	}
	if !s.Quiet() {
		t.Error("a key that waits for a time alone counts as one whose rows are missing")
	}
}
