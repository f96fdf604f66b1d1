package local

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/transforms/keyed"
)

// An arrival waits no longer than for the end of its step, never beyond the newest of its batch,
// and a batch needs few timers.
func TestArrivalsOfABatchWaitInFewSteps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(from, to keyed.Millis, what string) keyed.Millis {
			return keyed.Millis(rapid.Int64Range(int64(from), int64(to)).Draw(rt, what))
		}
		oldest := draw(0, 100*keyed.Day, "oldest")
		newest := oldest + draw(0, 100*keyed.Day, "span")
		g := gridOf(oldest, newest)
		ends := map[keyed.Millis]bool{}
		for range 100 {
			at := draw(oldest, newest, "arrival")
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
	woken := func(inputs ...keyed.Input) (times []keyed.Millis) {
		err := s.Add(batchOf("s", 1, inputs...), func(at keyed.Millis) { times = append(times, at) }, func(*keyed.Input, []int) {})
		if err != nil {
			t.Fatal(err)
		}
		return times
	}
	first := woken(inputOf(tickets, "a\x001", 1, 1000), inputOf(tickets, "a\x002", 2, 1001), inputOf(tickets, "a\x003", 3, 1300), inputOf(people, "a\x00w", 4, 1300))
	if d := cmp.Diff([]keyed.Millis{1000, 1250, 1300, 1300}, first); d != "" { // the last one is for people
		t.Errorf("timers (-want +got):\n%s", d)
	}
	second := woken(inputOf(tickets, "a\x001", 5, 1200), inputOf(tickets, "a\x004", 6, 1240), inputOf(tickets, "a\x005", 7, 1260))
	if d := cmp.Diff([]keyed.Millis{1260}, second); d != "" { // 1 waits already, and so does a key for 1250
		t.Errorf("timers of the second batch (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]keyed.Millis{1000, 1250, 1260, 1300}, s.Times()); d != "" {
		t.Errorf("times (-want +got):\n%s", d)
	}
	for _, test := range []struct {
		now  keyed.Millis
		want []string
	}{{999, nil}, {1250, []string{"a\x001", "a\x002", "a\x004"}}, {1250, nil}, {2000, []string{"a\x005", "a\x003"}}} {
		if d := cmp.Diff(test.want, s.slotOf(tickets.ID).due.pop(test.now)); d != "" {
			t.Errorf("due at %d (-want +got):\n%s", test.now, d)
		}
	}
	if d := cmp.Diff([]keyed.Millis{1300}, s.Times()); d != "" {
		t.Errorf("times of people (-want +got):\n%s", d)
	}
}

// Arrivals decide what is late, whether the watermark has passed them or not, and whether what is
// over was let go of by then (docs/contract.md, section 10).
func TestATicketIsOverOnceItsTimeHasPassed(t *testing.T) {
	const closed, gone = keyed.Day, 15 * keyed.Day
	for _, test := range []struct {
		name              string
		processed, expire bool
		reset             bool // a new state begins behind the tombstone: else the old one goes on
	}{
		{"nothing passes", false, false, false},
		{"keys are processed", true, false, true},
		{"keys are processed and expire", true, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, "")
			for i, step := range []struct {
				arrival keyed.Millis
				late    int
			}{
				{1000, 0},
				{1000 + closed - 1, 0},             // it is kept from here for a day
				{1000 + 2*closed - 2, 0},           // and from here
				{1000 + 3*closed - 2, 1},           // over
				{1000 + 3*closed - 3 + gone, 1},    // its tombstone tells
				{1000 + 3*closed - 2 + gone, 0},    // its tombstone is over
				{1000 + 4*closed - 3 + gone, 0},    // kept from there
				{1000 + 6*closed + gone, 1},        // over again
				{1000 + 6*closed + gone + gone, 0}, // and its tombstone again
			} {
				if _, late := add(t, s, "s", i, ending("a\x001", i, step.arrival)); late != step.late {
					t.Errorf("step %d: %d late, want %d", i, late, step.late)
				}
				if test.processed {
					s.AdvanceWatermark(step.arrival)
					processDue(t, s, step.arrival, nil)
				}
				if test.expire {
					if err := s.Expire(step.arrival); err != nil {
						t.Fatal(err)
					}
				}
			}
			ids := ""
			locked(s, tickets, "a\x001", func(_ *slot, l *entry) { ids = fmt.Sprint(idsOf(t, l.Block)) })
			want := "[EV0 EV1 EV2 EV5 EV6 EV8]"
			if test.reset {
				want = "[EV8]"
			}
			if ids != want {
				t.Errorf("the state holds %s, want %s", ids, want)
			}
		})
	}
}
