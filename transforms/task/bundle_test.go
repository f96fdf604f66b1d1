package task_test

import (
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
)

// asOf is a time in the middle of most histories.
var asOf = history.At(5000)

// TestBatchesOfAnyCutGiveTheRowsOfTheFold runs the transforms of keyed/grouped over drawn lines,
// dirty ones among them.
func TestBatchesOfAnyCutGiveTheRowsOfTheFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		lines := history.Lines(history.Draw(rt, contradicted), history.Forms(d, append(history.Streamed, history.REST)))
		lines = history.Soiled(d, history.Joined(d, history.Shuffled(d, lines)))
		want := history.Fold(lines, history.Options{AsOf: asOf})
		o := history.Options{AsOf: asOf, Cut: func() bool { return d.OneIn(3) }}
		got, count := history.Batch(lines, 1+d.N(5), o)
		if diff := history.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
		if n := int64(len(want["dead_letters"])); count.DeadLetters.Load() != n {
			rt.Fatalf("%d dead letters counted, %d in the table", count.DeadLetters.Load(), n)
		}
		if r, e := count.Records.Load(), count.Events.Load()+count.Dropped.Load()+count.DeadLetters.Load(); r != e {
			rt.Fatalf("%d records, but %d events, dropped ones and dead letters", r, e)
		}
	})
}

// TestBundlesAndTimersInAnyOrderGiveTheRowsOfTheFold runs the stateful transforms over drawn lines:
// events are added in any cut, timers fire at any time, a sink settles what comes of it.
func TestBundlesAndTimersInAnyOrderGiveTheRowsOfTheFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		lines := history.Lines(history.Draw(rt, size), history.Forms(d, append(history.Streamed, history.REST)))
		lines = history.Soiled(d, history.Joined(d, history.Shuffled(d, append(lines, lines[d.N(len(lines))]))))
		want := history.Fold(lines, history.Options{AsOf: asOf})
		got, count := history.Stream(lines, history.Options{AsOf: asOf, Cut: func() bool { return d.OneIn(2) }})
		if diff := history.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
		_, batch := history.Batch(lines, 1, history.Options{AsOf: asOf})
		if s, b := count.Duplicates(), batch.Duplicates(); s != b {
			rt.Fatalf("%d duplicates counted, %d in batch", s, b)
		}
	})
}
