package task_test

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/local"
)

// TestALiveStreamThatDiesAtAnyMomentGivesTheRowsOfTheFold runs the transforms of a live stream over
// drawn lines: polls of any size, a watermark that stays behind, processes that die at any moment
// and go on from what they kept.
func TestALiveStreamThatDiesAtAnyMomentGivesTheRowsOfTheFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		lines := history.Lines(history.Draw(rt, size), history.Forms(d, append(history.Streamed, history.REST)))
		lines = history.Soiled(d, history.Joined(d, history.Shuffled(d, append(lines, lines[d.N(len(lines))]))))
		first := history.At(float64(d.N(10_000)))
		last := first + int64(len(lines))*1000
		want := history.Fold(lines, history.Options{AsOf: last})
		crashes := d.N(4)
		crashed := crashes > 0
		got, count := history.Live(lines, history.LiveOptions{
			Dir: history.TempDir(rt), Dice: d, AtOnce: d.OneIn(1), Finally: last,
			Arrival: func(i int) int64 { return first + int64(i)*1000 },
			Crash: func() bool {
				if crashes > 0 && d.OneIn(2) {
					crashes--
					return true
				}
				return false
			},
		})
		if diff := history.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
		_, batch := history.Batch(lines, 1, history.Options{AsOf: last})
		if live, b := count.Distinct.Load(), batch.Distinct.Load(); !crashed && live != b {
			rt.Fatalf("%d distinct events counted, %d in batch", live, b)
		}
	})
}

// TestRowsAreThoseOfTheEventsThatWereNotLate lets days pass while events come, so that states are
// dropped.
func TestRowsAreThoseOfTheEventsThatWereNotLate(t *testing.T) {
	t.Parallel()
	late := 0
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		lines := history.Lines(history.Draw(rt, size), history.Forms(d, []history.Form{history.Object, history.String, history.REST}))
		lines = append(lines, history.Shuffled(d, lines)[:d.N(len(lines))]...)
		at, arrivals := history.At(float64(d.N(10_000))), []int64{}
		// A tombstone that is gone tells of nothing any more (docs/contract.md, limits).
		end := at + int64(15*keyed.Day) - 40*60*60*1000
		for range lines {
			at += int64(1+d.N(1000)) * 100
			if d.OneIn(3) && at < end {
				at += int64(d.N(40)) * 60 * 60 * 1000
			}
			arrivals = append(arrivals, at)
		}
		got, _ := history.Live(lines, history.LiveOptions{
			Dir: history.TempDir(rt), Dice: d, AtOnce: d.OneIn(1), Finally: at,
			Arrival: func(i int) int64 { return arrivals[i] },
			Crash:   func() bool { return d.OneIn(3) },
		})
		ofTasks, ofWorkers := map[int]bool{}, map[int]bool{} // lines that were late
		for _, r := range got["dead_letters"] {
			if model.DeadLetters.Get(r, "error_class").Str != "late" {
				rt.Fatalf("a dead letter: %v", history.Cells(&model.DeadLetters, r))
			}
			_, number, _ := strings.Cut(model.DeadLetters.Get(r, "position").Str, ":")
			n, err := strconv.Atoi(number)
			if err != nil {
				rt.Fatal(err)
			}
			if strings.Contains(model.DeadLetters.Get(r, "error").Str, "worker's time") {
				ofWorkers[n-1] = true
			} else {
				ofTasks[n-1] = true
			}
		}
		late += len(ofTasks) + len(ofWorkers)
		tasks := history.Fold(without(lines, ofTasks), history.Options{AsOf: at})
		want := history.Fold(without(lines, ofWorkers), history.Options{AsOf: at})
		for _, table := range []string{"engagements", "customers"} {
			want[table] = tasks[table]
		}
		delete(got, "dead_letters")
		if diff := history.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
	if late == 0 {
		t.Error("no event was late: the test shows nothing")
	}
}

func without(lines [][]byte, out map[int]bool) (kept [][]byte) {
	for i, l := range lines {
		if !out[i] {
			kept = append(kept, l)
		}
	}
	return kept
}

// TestTheStoreLetsGoOfWhatIsOver lets the time of an ended and an open task pass.
func TestTheStoreLetsGoOfWhatIsOver(t *testing.T) {
	const hour = 60 * 60 * 1000
	lines := history.Lines(append(history.Parse("0 entered\n9 accepted\n20 completed\n21 task.completed"), other("WT9", history.Parse("0 entered"))...),
		history.All(history.Object))
	for _, test := range []struct {
		after                int64
		tasks, open, markers int64
	}{
		{0, 2, 1, 0},
		{23 * hour, 2, 1, 0},
		{25 * hour, 1, 1, 1},
		{15*24*hour - hour, 1, 1, 1},
		{15*24*hour + hour, 0, 0, 2},
		{16*24*hour + hour, 0, 0, 1},
		{30*24*hour + hour, 0, 0, 0},
	} {
		for _, dir := range []string{"", history.TempDir(t)} {
			var held local.Size
			history.Live(lines, history.LiveOptions{
				Dir: dir, Dice: history.Heads, Finally: history.At(60) + test.after,
				Arrival: func(int) int64 { return history.At(60) },
				Held:    func(z local.Size) { held = z },
			})
			if z := held.Of("task"); z.Keys != test.tasks || z.Open != test.open || z.Tombstones != test.markers {
				t.Errorf("%d h after the last event the store holds %+v, want %+v", test.after/hour, held, test)
			}
		}
	}
}

// TestATaskThatHasEndedGoesToTheDisk compares a task with one that has all of its events but the
// last.
func TestATaskThatHasEndedGoesToTheDisk(t *testing.T) {
	held := func(events string, after int64) (z local.KindSize) {
		lines := history.Lines(history.Parse(events), history.All(history.Object))
		history.Live(lines, history.LiveOptions{
			Dice: history.Heads, Finally: history.At(60) + after,
			Arrival: func(int) int64 { return history.At(60) },
			Held:    func(now local.Size) { z = now.Of("task") },
		})
		return z
	}
	const events, end = "0 entered\n5 created\n9 accepted\n19 wrapup\n20 completed", "\n21 task.completed"
	const minute = 60 * 1000
	for _, test := range []struct {
		events       string
		after        int64
		open, frozen int64
	}{{events, 61 * minute, 1, 0}, {events + end, 0, 0, 0}, {events + end, 61 * minute, 0, 1}} {
		z := held(test.events, test.after)
		if z.Keys != 1 || z.Open != test.open || z.Spilled != test.frozen || z.Bytes == 0 || (z.Bytes == z.SpilledBytes) != (z.Spilled == 1) {
			t.Errorf("%d ms after the last event the store holds %+v, want %d open and %d on the disk", test.after, z, test.open, test.frozen)
		}
	}
}

// TestALateEventBringsAnEndedTaskBackFromTheDisk has a task get an event hours after its end, in
// the same process or in a later one.
func TestALateEventBringsAnEndedTaskBackFromTheDisk(t *testing.T) {
	const hour = 60 * 60 * 1000
	lines := history.Lines(history.Parse(`0 entered ta={"from":"+15550001"}
		9 accepted
		20 completed
		21 task.completed
		3 task.updated ta={"from":"+15550002"}`), history.All(history.Object))
	late := len(lines) - 1
	for _, restart := range []bool{false, true} {
		var held local.Size
		batches, processes := 0, 0
		got, count := history.Live(lines, history.LiveOptions{
			Dir: history.TempDir(t), Dice: history.Heads, Finally: history.At(60) + 10*hour,
			Arrival: func(i int) int64 {
				if i == late {
					return history.At(60) + 5*hour
				}
				return history.At(60) + int64(i)
			},
			Crash: func() bool {
				batches++
				return restart && batches == len(lines) // behind the late event
			},
			Position: func(int) { processes++ },
			Held:     func(z local.Size) { held = z },
		})
		if diff := history.Diff(history.Fold(lines, history.Options{AsOf: history.At(60) + 10*hour}), got); diff != "" {
			t.Errorf("restart %t: %s", restart, diff)
		}
		if (processes == 2) != restart {
			t.Errorf("restart %t: %d processes", restart, processes)
		}
		if held.Of("task").Spilled != 1 || !restart && count.Distinct.Load() != int64(len(lines)) {
			t.Errorf("restart %t: the store holds %+v, %d distinct events", restart, held, count.Distinct.Load())
		}
	}
}

// TestAWorkerKeepsFewEventsOfTasks has a worker take few and many tasks.
func TestAWorkerKeepsFewEventsOfTasks(t *testing.T) {
	held := func(tasks int) (bytes int64) {
		all := history.Parse("0 activity was=Offline now=Available for=1")
		for i := range tasks {
			all = append(all, other("WT"+strconv.Itoa(i), history.Parse("0 entered\n5 created\n9 accepted\n19 wrapup\n20 completed\n21 task.completed"))...)
		}
		for i := range all {
			all[i].ID = "EV" + strconv.Itoa(i)
		}
		history.Live(history.Lines(all, history.All(history.Object)), history.LiveOptions{
			Dice: history.Heads, Finally: history.At(3600),
			Arrival: func(i int) int64 { return history.At(float64(i)) },
			Held:    func(z local.Size) { bytes = z.Of("worker").Bytes },
		})
		return bytes
	}
	if few, many := held(3), held(60); few == 0 || many > 2*few {
		t.Errorf("%d bytes after 3 tasks, %d after 60", few, many)
	}
}

// TestTheNextProcessLetsGoOfWhatAnEarlierOneLeft has the time pass in a second process.
// One wrong clock must not silence an agent.
func TestWhatComesBehindAnEventOfTheFutureIsNotLate(t *testing.T) {
	const day = 24 * 60 * 60
	at := func(days float64) string { return strconv.FormatInt(history.At(days*day), 10) }
	lines := history.Lines(history.Parse(`
		0 activity was=Offline now=Available for=10
		1 activity was=Available now=Break for=60 timestamp=`+at(20)+`
		2 activity was=Break now=Lunch for=60 timestamp=`+at(2.9)+`
		3 activity was=Lunch now=Available for=60 timestamp=`+at(4.4)), history.All(history.Object))
	arrivals := []int64{history.At(1), history.At(1.5 * day), history.At(3 * day), history.At(4.5 * day)}
	got, _ := history.Live(lines, history.LiveOptions{
		Dice: history.Heads, Finally: history.At(5 * day),
		Arrival: func(i int) int64 { return arrivals[i] },
	})
	if n := len(got["dead_letters"]); n > 0 {
		t.Errorf("%d dead letters, the first %v", n, history.Cells(&model.DeadLetters, got["dead_letters"][0]))
	}
}

func TestTheNextProcessLetsGoOfWhatAnEarlierOneLeft(t *testing.T) {
	const hour = 60 * 60 * 1000
	lines := history.Lines(history.Parse("0 entered\n9 accepted\n20 completed\n21 task.completed"), history.All(history.Object))
	for _, test := range []struct {
		first, second  int64 // how much time passes
		tasks, markers int64
	}{
		{0, 25 * hour, 0, 1},
		{25 * hour, 25 * hour, 0, 1},
		{25 * hour, 16*24*hour - hour, 0, 1},
		{25 * hour, 16*24*hour + hour, 0, 0},
	} {
		for _, atOnce := range []bool{false, true} {
			dir, held := history.TempDir(t), local.Size{}
			for _, after := range []int64{test.first, test.second} {
				history.Live(lines, history.LiveOptions{
					Dir: dir, Dice: history.Heads, Finally: history.At(60) + after, AtOnce: atOnce,
					Arrival: func(int) int64 { return history.At(60) },
					Held:    func(z local.Size) { held = z },
				})
			}
			if z := held.Of("task"); z.Keys != test.tasks || z.Tombstones != test.markers {
				t.Errorf("%d and %d h after the last event the store holds %+v, want %+v", test.first/hour, test.second/hour, held, test)
			}
		}
	}
}

// other gives events to another task.
func other(sid string, events []history.Event) []history.Event {
	for _, e := range events {
		e.Fields["task_sid"] = sid
	}
	return events
}
