package keyed

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/event"
)

// ticket is a kind whose keys end and are dropped, as tasks are.
var ticket = &Kind{
	Name: "ticket", ID: 22, Field: event.TaskSID, Part: event.TaskPart, Closes: event.Kind.EndsTask,
	Retention: Retention{Open: 15 * Day, Closed: Day, Tombstone: 15 * Day},
	New:       func([]byte, Env) (Logic, error) { return gathering{}, nil },
}

func init() { Register(ticket) }

// gathering are rules that keep events.
type gathering struct{}

func (gathering) Merge(s *State, in *Input) ([]int, error) {
	s.Block = append(s.Block, in.Block...)
	return nil, nil
}

func (gathering) Process(*State, Millis, *Output) (Millis, error) { return None, nil }

// An arrival is an event of a ticket in short: when it arrives, and whether it ends the ticket.
type arrival struct {
	At   Millis
	Ends bool
}

// inputOf returns an input of some events, numbered from first.
func inputOf(key string, first int, all ...arrival) Input {
	in := Input{Kind: ticket.ID, Key: key, Time: None, Arrival: None}
	var b event.Builder
	for i, a := range all {
		e := event.Event{ID: "EV" + strconv.Itoa(first+i), Kind: event.TaskUpdated, Time: 1, InPreviousFor: event.None, QueueEnteredAt: event.None}
		if a.Ends {
			e.Kind = event.TaskCompleted
		}
		b.Add(&e, ticket.Part)
		in.Events = append(in.Events, ticket.Info(&e, a.At))
		in.Time = max(in.Time, a.At)
	}
	in.Block = b.Append(nil)
	return in
}

func idsOf(t testing.TB, b event.Block) (ids []string) {
	t.Helper()
	events, err := event.Decode(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		ids = append(ids, events[i].ID)
	}
	return ids
}

func add(t testing.TB, s *State, key string, first int, all ...arrival) (late []int) {
	t.Helper()
	in := inputOf(key, first, all...)
	late, err := ticket.Add(gathering{}, s, &in)
	if err != nil {
		t.Fatal(err)
	}
	return late
}

func TestArrivalsDecideWhatIsLate(t *testing.T) {
	const minute = Hour / 60
	tests := []struct {
		name     string
		arrivals []arrival
		late     []int
	}{
		{"an open ticket waits for 15 days", []arrival{{At: 0}, {At: 15*Day - 1}, {At: 30*Day - 2}}, nil},
		{"and then no longer", []arrival{{At: 0}, {At: 15 * Day}}, []int{1}},
		{"one that has ended waits for a day", []arrival{{0, true}, {At: Day - 1}, {At: 2*Day - 2}}, nil},
		{"and then no longer, though it goes on", []arrival{{0, true}, {At: Day}, {At: Day + 1}}, []int{1, 2}},
		{"what is late keeps nothing alive", []arrival{{0, true}, {At: Day}, {At: 2*Day - 1}}, []int{1, 2}},
		{"an end that is late ends nothing", []arrival{{At: 0}, {15 * Day, true}}, []int{1}},
		{"each end counts from its arrival", []arrival{{0, true}, {Day - 1, true}, {2*Day - 2, true}, {At: 3*Day - 2}}, []int{3}},
		{"of equal arrivals none is late", []arrival{{0, true}, {0, true}, {At: 0}}, nil},
		{"the order in an input decides nothing", []arrival{{At: Day + minute}, {0, true}, {At: minute}}, []int{0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := NewState()
			if d := cmp.Diff(test.late, add(t, s, "a\x001", 0, test.arrivals...)); d != "" {
				t.Errorf("late (-want +got):\n%s", d)
			}
			for i := range test.arrivals {
				if slices.Contains(test.late, i) == slices.Contains(idsOf(t, s.Block), fmt.Sprint("EV", i)) {
					t.Errorf("the state holds %v, want all but %v", idsOf(t, s.Block), test.late)
				}
			}
		})
	}
}

// What arrives behind the time of the tombstone begins a new ticket, in a state that was processed.
func TestBehindItsTombstoneATicketBeginsAnew(t *testing.T) {
	for _, processed := range []bool{false, true} {
		s := NewState()
		add(t, s, "a\x001", 0, arrival{0, true})
		if processed {
			if _, done, err := ticket.Process(gathering{}, s, Day-1, new(Output)); done || err != nil {
				t.Fatal(done, err)
			}
		}
		if late := add(t, s, "a\x001", 1, arrival{At: 16*Day - 1}); len(late) != 1 {
			t.Error("before the tombstone goes the event is not late")
		}
		if late := add(t, s, "a\x001", 2, arrival{At: 16 * Day}); late != nil {
			t.Error("behind it the event is late")
		}
		want := []string{"EV0", "EV2"}
		if processed {
			want = []string{"EV2"}
		}
		if d := cmp.Diff(want, idsOf(t, s.Block)); d != "" || s.Closed == processed || s.Arrival != 16*Day || s.Tombstone {
			t.Errorf("processed %t: %+v (-want +got):\n%s", processed, s, d)
		}
	}
}

// whole is a plain model of a ticket whose events arrive one by one, in the order of their arrival.
type whole struct {
	ids     []string
	arrival Millis
	closed  bool
}

func (w *whole) take(id string, a arrival) (late bool) {
	if len(w.ids) > 0 {
		over := w.arrival + 15*Day
		if w.closed {
			over = w.arrival + Day
		}
		// A state that waits outlives its tombstone.
		if a.At >= over && a.At < over+15*Day {
			return true
		}
	}
	w.ids, w.arrival, w.closed = append(w.ids, id), max(w.arrival, a.At), w.closed || a.Ends
	return false
}

// The outcome is the same for every cut of what arrives into inputs (docs/contract.md, section 10).
func TestTheCutOfArrivalsIntoInputsDecidesNothing(t *testing.T) {
	lates := 0
	rapid.Check(t, func(rt *rapid.T) {
		span := rapid.SampledFrom([]Millis{0, 1, Hour, Day - 1, Day, 3 * Day, 15*Day - 1, 15 * Day, 16 * Day, 31 * Day})
		at := Millis(rapid.Int64Range(0, int64(100*Day)).Draw(rt, "begin"))
		var all []arrival
		for range rapid.IntRange(1, 12).Draw(rt, "events") {
			at += span.Draw(rt, "pause")
			all = append(all, arrival{at, rapid.IntRange(0, 3).Draw(rt, "ends") == 0})
		}
		var want whole
		var late []string
		for i, a := range all {
			if id := fmt.Sprint("EV", i); want.take(id, a) {
				late = append(late, id)
			}
		}
		lates += len(late)
		for _, drawn := range []bool{false, true} {
			s, got := NewState(), []string(nil)
			for from := 0; from < len(all); {
				n := len(all) - from
				if drawn {
					n = rapid.IntRange(1, n).Draw(rt, "cut")
				}
				order := make([]int, n) // events of one input come in any order
				for i := range order {
					order[i] = from + i
				}
				if drawn {
					order = rapid.Permutation(order).Draw(rt, "order")
				}
				in := Input{}
				var parts []Input
				for _, i := range order {
					parts = append(parts, inputOf("a\x001", i, all[i]))
				}
				in = parts[0]
				for _, p := range parts[1:] {
					in.Block, in.Events, in.Time = append(in.Block, p.Block...), append(in.Events, p.Events...), max(in.Time, p.Time)
				}
				places, err := ticket.Add(gathering{}, s, &in)
				if err != nil {
					rt.Fatal(err)
				}
				for _, p := range places {
					got = append(got, fmt.Sprint("EV", order[p]))
				}
				if len(in.Events) != len(order)-len(places) && len(places) < len(order) {
					rt.Fatalf("the input has %d events left of %d, %d of them late", len(in.Events), len(order), len(places))
				}
				from += n
			}
			slices.Sort(got)
			slices.Sort(late)
			ids := idsOf(t, s.Block)
			slices.Sort(ids)
			expected := slices.Clone(want.ids)
			slices.Sort(expected)
			if d := cmp.Diff(late, got); d != "" {
				rt.Fatalf("late (-want +got):\n%s", d)
			}
			if d := cmp.Diff(expected, ids); d != "" || s.Arrival != want.arrival || s.Closed != want.closed || s.Tombstone {
				rt.Fatalf("the state is %+v, want %+v (-want +got):\n%s", s, want, d)
			}
		}
	})
	if lates == 0 {
		t.Error("no event was late: the test shows nothing")
	}
}

// Between events the watermark may pass anything that has not arrived yet: that decides no more
// than the cut.
func TestProcessingInBetweenDecidesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		span := rapid.SampledFrom([]Millis{0, 1, Hour, Day - 1, Day, 3 * Day, 15 * Day, 16 * Day, 31 * Day})
		often, never := NewState(), NewState()
		var at Millis
		reset := false
		for i := range rapid.IntRange(1, 12).Draw(rt, "events") {
			before := at
			at += span.Draw(rt, "pause")
			a := arrival{at, rapid.IntRange(0, 3).Draw(rt, "ends") == 0}
			for range rapid.IntRange(0, 3).Draw(rt, "processed") {
				now := Millis(rapid.Int64Range(int64(before), int64(at)).Draw(rt, "watermark"))
				_, done, err := ticket.Process(gathering{}, often, now, new(Output))
				if err != nil {
					rt.Fatal(err)
				}
				if done {
					often, reset = NewState(), true
				}
			}
			// Of a state that is processed with each event the model is one that is processed once.
			if _, _, err := ticket.Process(gathering{}, never, None, new(Output)); err != nil {
				rt.Fatal(err)
			}
			if _, _, err := ticket.Process(gathering{}, often, None, new(Output)); err != nil {
				rt.Fatal(err)
			}
			x, y := add(t, often, "a\x001", i, a), add(t, never, "a\x001", i, a)
			if d := cmp.Diff(x, y); d != "" {
				rt.Fatalf("event %d, reset %t: late (-often +never):\n%s", i, reset, d)
			}
			if often.Tombstone {
				continue // what it was is gone, and late events leave it so
			}
			if d := cmp.Diff(idsOf(t, often.Block), idsOf(t, never.Block)); d != "" || often.Arrival != never.Arrival || often.Closed != never.Closed {
				rt.Fatalf("%+v and %+v (-often +never):\n%s", often, never, d)
			}
		}
	})
}

func TestAStateIsDroppedByHoursAndATombstoneStays(t *testing.T) {
	const first = 90 * Hour / 60 // half past one
	process := func(s *State, now Millis) (next Millis, done bool) {
		t.Helper()
		next, done, err := ticket.Process(gathering{}, s, now, new(Output))
		if err != nil {
			t.Fatal(err)
		}
		return next, done
	}
	s := NewState()
	add(t, s, "a\x001", 0, arrival{first, true})
	for _, step := range []struct {
		now, next       Millis
		done, tombstone bool
	}{
		{first, 26 * Hour, false, false},
		{26*Hour - 1, 26 * Hour, false, false},
		{26 * Hour, 26*Hour + 15*Day, false, true},
		{26*Hour + 15*Day - 1, 26*Hour + 15*Day, false, true},
		{26*Hour + 15*Day, None, true, true},
	} {
		next, done := process(s, step.now)
		if next != step.next || done != step.done || s.Tombstone != step.tombstone {
			t.Errorf("at %d: next %d, done %t, tombstone %t; want %+v", step.now, next, done, s.Tombstone, step)
		}
		if s.Tombstone && len(s.Block) > 0 {
			t.Error("a tombstone has events")
		}
		s = again(t, s)
	}
	s = NewState() // all of it passes at once
	add(t, s, "a\x001", 0, arrival{first, true})
	process(s, first)
	if next, done := process(s, 100*Day); next != None || !done {
		t.Errorf("next %d, done %t", next, done)
	}
}

// What waits is processed, whatever the time, before anything is dropped.
func TestWhatWaitsIsProcessedBeforeItIsDropped(t *testing.T) {
	s := NewState()
	add(t, s, "a\x001", 0, arrival{7, true})
	var out Output
	next, done, err := ticket.Process(gathering{}, s, 100*Day, &out)
	if err != nil || done || s.Tombstone || out.Waited != 7 || s.Waits() || next != Day+Hour {
		t.Errorf("%+v: next %d, done %t, waited since %d, %v", s, next, done, out.Waited, err)
	}
	if _, done, _ := ticket.Process(gathering{}, s, 100*Day, &out); !done {
		t.Error("it is not dropped then")
	}
}

// Whose arrival nobody knows, in files, is never late, and never dropped.
func TestWithoutArrivalsNothingIsLateOrDropped(t *testing.T) {
	s := NewState()
	if late := add(t, s, "a\x001", 0, arrival{None, true}, arrival{At: None}); late != nil {
		t.Errorf("late: %v", late)
	}
	var out Output
	next, done, err := ticket.Process(gathering{}, s, 100*Day, &out)
	if next != None || done || err != nil || out.Waited != None || s.Tombstone {
		t.Errorf("next %d, done %t, waited since %d, %v", next, done, out.Waited, err)
	}
}

// At the end of time a watermark proves nothing: it drops nothing and sets no timer.
func TestTheEndOfTimeDropsNothingAndSetsNoTimer(t *testing.T) {
	s := NewState()
	add(t, s, "a\x001", 0, arrival{7, true})
	for i := range 3 {
		next, done, err := ticket.Process(gathering{}, s, End, new(Output))
		if next != None || done || err != nil || s.Tombstone || len(s.Block) == 0 {
			t.Errorf("time %d: next %d, done %t, %v; %+v", i, next, done, err, s)
		}
	}
	s.bury()
	if next, done, err := ticket.Process(gathering{}, s, End, new(Output)); next != None || done || err != nil || !s.Tombstone {
		t.Errorf("a tombstone: next %d, done %t, %v", next, done, err)
	}
}

// What belongs to none is over at once when it is dropped: nothing tells that it was there.
func TestWhatBelongsToNoneLeavesNoTombstone(t *testing.T) {
	s := NewState()
	add(t, s, event.Key("a", ""), 0, arrival{At: 7})
	if !s.Anonymous {
		t.Fatal("the key is one of a ticket")
	}
	if next, done, err := ticket.Process(gathering{}, s, 7, new(Output)); next != 15*Day+Hour || done || err != nil {
		t.Errorf("next %d, done %t, %v", next, done, err)
	}
	if _, done, err := ticket.Process(gathering{}, again(t, s), 15*Day+Hour, new(Output)); !done || err != nil {
		t.Errorf("done %t, %v", done, err)
	}
	if late := add(t, s, event.Key("a", ""), 1, arrival{At: 15*Day + 7}); late != nil {
		t.Error("what comes then is late")
	}
	if d := cmp.Diff([]string{"EV1"}, idsOf(t, s.Block)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Since is when the first of the inputs came that wait, and an input that is late as a whole waits
// for nothing.
func TestAStateWaitsSinceItsFirstInput(t *testing.T) {
	s := NewState()
	for _, step := range []struct {
		at, since Millis
		process   bool
	}{{500, 500, false}, {700, 500, false}, {300, 300, true}, {900, 900, true}, {900 + 15*Day, None, false}} {
		add(t, s, "a\x001", 0, arrival{At: step.at})
		if s.Since != step.since {
			t.Errorf("at %d: it waits since %d, want %d", step.at, s.Since, step.since)
		}
		if step.process {
			if _, _, err := ticket.Process(gathering{}, s, 1000, new(Output)); err != nil || s.Waits() {
				t.Fatalf("waits since %d, %v", s.Since, err)
			}
		}
	}
}

// refusing are rules that find every event late.
type refusing struct{ gathering }

func (refusing) Merge(_ *State, in *Input) (late []int, err error) {
	for i := range in.Events {
		late = append(late, i)
	}
	return late, nil
}

// What the rules find late leaves a state as it is, as what is late by its arrival does.
func TestWhatTheRulesFindLateLeavesTheStateAsItIs(t *testing.T) {
	s := NewState()
	add(t, s, "a\x001", 0, arrival{At: 7})
	before := again(t, s)
	in := inputOf("a\x001", 1, arrival{8, true}, arrival{At: 9})
	late, err := ticket.Add(refusing{}, s, &in)
	if d := cmp.Diff([]int{0, 1}, late); d != "" || err != nil {
		t.Errorf("%v, late (-want +got):\n%s", err, d)
	}
	if d := cmp.Diff(before, s, cmp.AllowUnexported(State{}, emitted{})); d != "" {
		t.Errorf("(-before +behind):\n%s", d)
	}
}
