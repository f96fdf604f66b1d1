package history

import (
	"context"
	"time"
)

// Restarted runs lines through keyed/beamstate as SideBySide does, under a runner that goes back to a
// checkpoint now and then, up to restarts times. States, timers and the place in the input are those
// of then, and another process goes on; the sink keeps what was written behind the checkpoint, and
// what comes is read in other pieces.
func Restarted(lines [][]byte, arrivals []int64, finally int64, restarts int, d Dice, o Options) Tables {
	watermark, out := int64(-1<<62), NewStore()
	clock := func() time.Time { return time.UnixMilli(max(watermark, 0)) }
	begin := func() *states {
		return newStates(o, o.startAt(out, clock), func(b []byte) { must(out.Write(context.Background(), b)) })
	}
	cells, read := begin(), 0
	defer func() { cells.job.End() }()
	var kept []cell
	keptRead := 0
	for steps := Steps(d, arrivals, finally); len(steps) > 0; {
		if d.OneIn(3) {
			kept, keptRead = cells.checkpoint(), read
		}
		if restarts > 0 && d.OneIn(3) {
			restarts--
			cells.job.End()
			cells, read, watermark = begin(), keptRead, -1<<62
			cells.restore(kept)
			steps = append(Steps(d, arrivals[read:], finally), Step{len(arrivals) - read, len(arrivals) - read, finally})
			for i := range steps {
				steps[i].From, steps[i].To = steps[i].From+read, steps[i].To+read
			}
		}
		step := steps[0]
		steps = steps[1:]
		if step.From < step.To {
			cells.read(arriving(lines, arrivals, step))
			read = step.To
		}
		watermark = max(watermark, step.Watermark)
		cells.pass(watermark)
	}
	return unreceived(out.Tables())
}

// checkpoint returns what a runner keeps of the states.
func (s *states) checkpoint() (all []cell) {
	for _, c := range s.cells {
		all = append(all, *c)
	}
	return all
}

// restore makes the states those of a checkpoint.
func (s *states) restore(all []cell) {
	for _, kept := range all {
		c := s.cell(kept.kind, kept.key)
		c.value, c.set, c.at = kept.value, kept.set, kept.at
	}
}
