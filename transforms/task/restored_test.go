package task_test

import (
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
)

// TestAJobThatIsRestoredFromACheckpointGivesTheRowsOfTheFold runs the stateful transforms under a
// runner that goes back to checkpoints: rows that were emitted behind one are in no state then, and
// must go from the sink if the events that come again do not give them.
func TestAJobThatIsRestoredFromACheckpointGivesTheRowsOfTheFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		lines := history.Lines(history.Draw(rt, size), history.Forms(d, append(history.Streamed, history.REST)))
		lines = history.Soiled(d, history.Shuffled(d, append(lines, lines[d.N(len(lines))])))
		o := history.Options{AsOf: history.At(40_000)} // all quarter hours are over, so each is this job's to settle
		want := history.Fold(lines, o)
		got := history.Restored(lines, history.RestoredOptions{Options: o, Dice: d, Restores: d.N(6)})
		if diff := history.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}
