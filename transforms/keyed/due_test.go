package keyed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/event"
)

// An arrival waits no longer than for the end of its step, never beyond the newest of its batch, and a batch needs few timers.
func TestArrivalsOfABatchWaitInFewSteps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		span := rapid.Int64Range(0, 100*day)
		oldest := span.Draw(rt, "oldest")
		newest := oldest + span.Draw(rt, "span")
		g := gridOf(oldest, newest)
		ends := map[int64]bool{}
		for range 100 {
			at := rapid.Int64Range(oldest, newest).Draw(rt, "arrival")
			end := g.end(at)
			ends[end] = true
			if end < at || end > newest || end-at >= max(leastStep, (newest-oldest)/steps) {
				rt.Fatalf("an arrival at %d of %d to %d waits until %d", at, oldest, newest, end)
			}
		}
		if len(ends) > steps+2 {
			rt.Fatalf("%d times", len(ends))
		}
	})
}

func TestKeysAreDueOnceTheirTimeHasPassed(t *testing.T) {
	s := open(t, "")
	woken := func(parcels ...Parcel) (times []string) {
		err := s.Add("s", nil, parcels, func(kind Kind, at int64) { times = append(times, fmt.Sprint(kind, " ", at)) }, func(int, []int) {})
		if err != nil {
			t.Fatal(err)
		}
		return times
	}
	first := woken(parcelOf(Task, "a\x001", 1, 1000), parcelOf(Task, "a\x002", 2, 1001), parcelOf(Task, "a\x003", 3, 1300), parcelOf(Worker, "a\x00w", 4, 1300))
	if d := cmp.Diff([]string{"tasks 1000", "tasks 1250", "tasks 1300", "workers 1300"}, first); d != "" {
		t.Errorf("timers (-want +got):\n%s", d)
	}
	second := woken(parcelOf(Task, "a\x001", 5, 1200), parcelOf(Task, "a\x004", 6, 1240), parcelOf(Task, "a\x005", 7, 1260))
	if d := cmp.Diff([]string{"tasks 1260"}, second); d != "" { // 1 waits already, and so does a key for 1250
		t.Errorf("timers of the second batch (-want +got):\n%s", d)
	}
	for _, test := range []struct {
		now  int64
		want []string
	}{{999, nil}, {1250, []string{"a\x001", "a\x002", "a\x004"}}, {1250, nil}, {2000, []string{"a\x005", "a\x003"}}} {
		if d := cmp.Diff(test.want, s.Due(Task, test.now)); d != "" {
			t.Errorf("due at %d (-want +got):\n%s", test.now, d)
		}
	}
	if d := cmp.Diff([]string{"workers 1300"}, []string{fmt.Sprint(Worker, " ", s.Times(Worker)[0])}); d != "" {
		t.Error(d)
	}
}

// What has passed decides, not when tasks are swept.
func TestATaskIsOverOnceItsTimeHasPassed(t *testing.T) {
	for _, swept := range []bool{false, true} {
		s := open(t, "")
		ended := parcelOf(Task, "a\x001", 1, 1000)
		ended.Ended = true
		pass := func(now int64) {
			for _, key := range s.Due(Task, now) {
				locked(s, Task, key, func(l *Live) { fold(s, l) })
			}
			if swept {
				s.Sweep(now)
			}
		}
		for i, step := range []struct {
			passed, arrival int64
			late            int
		}{
			{0, 1000, 0},
			{1000 + ClosedFor - 1, 1000 + ClosedFor - 1, 0},                     // it is kept from here for a day
			{1000 + 2*ClosedFor - 2, 1000 + 2*ClosedFor, 0},                     // and from here
			{1000 + 3*ClosedFor, 1000 + 3*ClosedFor, 1},                         // over
			{1000 + 3*ClosedFor + GoneFor - 1, 1000 + 3*ClosedFor + GoneFor, 1}, // its marker tells
			{1000 + 3*ClosedFor + GoneFor, 1000 + 3*ClosedFor + GoneFor, 0},     // its marker is over
		} {
			pass(step.passed)
			p := ended
			p.Arrival = step.arrival
			if _, late := add(t, s, "s", i, p); late != step.late {
				t.Errorf("step %d, swept %t: %d late, want %d", i, swept, late, step.late)
			}
		}
	}
}

func TestFoldGivesTheChangesInOrderAndCountsThemOnceTheyAreWritten(t *testing.T) {
	s := open(t, "")
	var keys []string
	for i := range 3 * foldKeys / 2 {
		keys = append(keys, fmt.Sprintf("a\x00%04d", i))
		add(t, s, "s", i, parcelOf(Task, keys[i], i, 1000))
	}
	keys = append(keys, "a\x00none")
	var got []string
	err := Fold(context.Background(), s, Task, 2, keys, func(folder int, key string, l *Live) (string, error) {
		if folder < 0 || folder >= 2 || l.Pending == event.None {
			return "", fmt.Errorf("folder %d, pending %d", folder, l.Pending)
		}
		return key, nil
	}, func(b []byte, key string) ([]byte, error) { return append(append(b, key...), '\n'), nil }, func(b []byte) {
		if s.Quiet() {
			t.Error("the store is quiet before the changes are written")
		}
		got = append(got, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")...)
	})
	if d := cmp.Diff(keys[:len(keys)-1], got); d != "" || err != nil || !s.Quiet() {
		t.Errorf("%v, quiet %t (-want +got):\n%s", err, s.Quiet(), d)
	}
}

func TestAFoldThatFailsWritesNothingOfItsGroup(t *testing.T) {
	s := open(t, "")
	bad := errors.New("bad")
	for i, key := range []string{"a\x001", "a\x002"} {
		add(t, s, "s", i, parcelOf(Task, key, i, 1000))
	}
	err := Fold(context.Background(), s, Task, 2, []string{"a\x001", "a\x002"}, func(_ int, key string, _ *Live) (int, error) {
		if key == "a\x002" {
			return 0, bad
		}
		return 1, nil
	}, func(b []byte, _ int) ([]byte, error) { return append(b, 1), nil }, func([]byte) { t.Error("changes were written") })
	if !errors.Is(err, bad) || s.Quiet() {
		t.Errorf("got %v, quiet %t", err, s.Quiet())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = Fold(ctx, s, Task, 2, []string{"a\x001"}, func(int, string, *Live) (int, error) { return 0, nil }, func(b []byte, _ int) ([]byte, error) { return b, nil }, func([]byte) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// A crash between a fold that lets go of events and the flush of its rows must find those events in the log: no Keep comes between the two.
func TestNoKeepComesBetweenAFoldAndItsRows(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	add(t, s, "s", 1, parcelOf(Worker, "a\x00w", 1, 1000))
	var order []string
	kept := make(chan error)
	err := Fold(context.Background(), s, Worker, 2, []string{"a\x00w"}, func(_ int, key string, l *Live) (int, error) {
		s.Replace(Worker, key, l, slices.Clone(l.Blocks))
		go func() {
			kept <- s.Keep(func() error {
				order = append(order, "flush")
				return nil
			})
		}()
		return 0, nil
	}, func(b []byte, _ int) ([]byte, error) { return append(b, 1), nil }, func([]byte) {
		select {
		case err := <-kept:
			t.Errorf("kept before the rows were written: %v", err)
			kept <- err
		default:
		}
		order = append(order, "write")
	})
	if e := <-kept; e != nil || err != nil {
		t.Fatal(err, e)
	}
	if d := cmp.Diff([]string{"write", "flush"}, order); d != "" {
		t.Error(d)
	}
}

// What a fold lets go of whose rows were lost stays in the log.
func TestNothingIsKeptBehindAFoldThatFailed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	add(t, s, "s", 1, parcelOf(Worker, "a\x00w", 1, 1000))
	keep(t, s)
	err := Fold(context.Background(), s, Worker, 2, []string{"a\x00w"}, func(_ int, key string, l *Live) (int, error) {
		s.Replace(Worker, key, l, nil)
		return 0, nil
	}, func([]byte, int) ([]byte, error) { return nil, errors.New("bad") }, func([]byte) {})
	if err == nil {
		t.Fatal("no error")
	}
	keep(t, s)
	s.Close()
	s = open(t, dir)
	defer s.Close()
	found := false
	locked(s, Worker, "a\x00w", func(l *Live) { found = len(idsOf(t, l.Blocks)) == 1 })
	if !found {
		t.Error("the event that the fold let go of is lost")
	}
}

// A caller of Add that panics, as a runner's emitters do, leaves no state locked.
func TestARefusalThatPanicsLocksNothing(t *testing.T) {
	s := open(t, "")
	add(t, s, "s", 1, parcelOf(Worker, "a\x00w", 1, 1000))
	locked(s, Worker, "a\x00w", func(l *Live) { l.Bound = 5000 })
	func() {
		defer func() { _ = recover() }()
		_ = s.Add("s", nil, []Parcel{parcelOf(Worker, "a\x00w", 2, 2000)}, func(Kind, int64) {}, func(int, []int) { panic("the sink is gone") })
		t.Error("no panic")
	}()
	if l := s.live[Worker]["a\x00w"]; !l.TryLock() {
		t.Error("the state is locked")
	}
}
