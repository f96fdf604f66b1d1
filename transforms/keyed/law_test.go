package keyed_test

import (
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// TestEveryDriverGivesTheSame lets lines arrive over days and weeks: every driver gives the same
// tables, the same late letters, and drops its states at the same time. That of bounded sources
// knows no arrivals: it joins where nothing is late or forgotten.
func TestEveryDriverGivesTheSame(t *testing.T) {
	late, dropped, alike := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		// Activities that run are counted again with every quarter hour: with them a few days pass,
		// else weeks.
		size, pause, rest := history.Size{Tasks: 3, Workers: 2}, 20*keyed.Hour, 2*keyed.Day
		if d.OneIn(1) {
			size, pause, rest = history.Size{Tasks: 3}, 16*keyed.Day, 40*keyed.Day
		}
		lines := history.Lines(history.Draw(rt, size), history.Forms(d, append(history.Streamed, history.REST)))
		lines = append(lines, history.Shuffled(d, lines)[:d.N(len(lines))]...) // copies come late
		lines = history.Soiled(d, lines)
		pause = pause >> d.N(8)
		at, arrivals := history.At(float64(d.N(10_000))), []int64(nil)
		for range lines {
			at += int64(d.N(100)) * 1000
			if d.OneIn(3) && at < history.At(0)+int64(4*rest) {
				at += int64(d.N(int(pause)))
			}
			arrivals = append(arrivals, at)
		}
		finally := at + int64(rest)>>d.N(8)
		o := history.Options{AsOf: finally}
		steps := history.Steps(d, arrivals, finally)
		dir, err := os.MkdirTemp("", "flexbeam-law-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		sides := history.SideBySide(lines, arrivals, steps, dir, d, history.Options{}, func(at int64, diff string) {
			rt.Fatalf("at %d, %d h behind the first line, what is held differs (-cells +store):\n%s", at, (at-arrivals[0])/int64(keyed.Hour), diff)
		})
		if diff := history.Diff(sides.Cells, sides.Store); diff != "" {
			rt.Fatalf("cells and store: %s", diff)
		}
		if sides.CellsSum != sides.StoreSum {
			rt.Fatalf("cells count %+v, the store %+v", sides.CellsSum, sides.StoreSum)
		}
		n := lateIn(sides.Store)
		late += n
		if at-arrivals[0] > int64(15*keyed.Day) {
			dropped++
		}
		if n > 0 || at-arrivals[0] > int64(keyed.Day) {
			return
		}
		alike++
		grouped, _ := history.Batch(lines, 1+d.N(4), o)
		if diff := history.Diff(grouped, sides.Store); diff != "" {
			rt.Fatalf("grouped and store: %s", diff)
		}
	})
	if late == 0 || dropped == 0 || alike == 0 {
		t.Errorf("%d events were late, %d histories lasted for more than 15 days, %d were compared with all drivers: the test shows too little", late, dropped, alike)
	}
}

// lateIn returns how many dead letters are of events that came late.
func lateIn(t history.Tables) int {
	n := 0
	for _, r := range t["dead_letters"] {
		if model.DeadLetters.Get(r, "error_class").Str == "late" {
			n++
		}
	}
	return n
}

// TestStepsReadAllLinesInTheirOrder checks the steps themselves: a watermark that passed a line
// before it arrives would prove nothing.
func TestStepsReadAllLinesInTheirOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		var arrivals []int64
		at := int64(1_000_000_000)
		for range 1 + d.N(20) {
			at += int64(d.N(int(5 * keyed.Hour)))
			arrivals = append(arrivals, at)
		}
		read := 0
		steps := history.Steps(d, arrivals, at+int64(keyed.Day))
		for _, s := range steps {
			if s.From < s.To && s.From != read || s.To > len(arrivals) {
				rt.Fatalf("%+v behind line %d", s, read)
			}
			read = max(read, s.To)
			if read < len(arrivals) && s.Watermark > arrivals[read] {
				rt.Fatalf("%+v passes line %d", s, read)
			}
		}
		if read != len(arrivals) || slices.MaxFunc(steps, func(a, b history.Step) int { return int(a.Watermark - b.Watermark) }).Watermark != at+int64(keyed.Day) {
			rt.Fatalf("%d of %d lines are read: %+v", read, len(arrivals), steps)
		}
	})
}
