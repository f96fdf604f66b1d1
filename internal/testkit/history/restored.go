package history

import (
	"context"

	"flexbeam/pipeline/runtime"
)

// RestoredOptions say how a job in Beam's cells is restored.
type RestoredOptions struct {
	Options
	Dice     Dice // draws the batches, which timers fire, and when the runner makes a checkpoint
	Restores int  // how often the runner goes back to its last checkpoint
}

// Restored folds lines through the transforms of keyed/beamstate under a runner that goes back to
// its last checkpoint now and then, in the same process or in a new one. What was emitted behind the
// checkpoint stays in the sink, and what comes again comes in other batches.
func Restored(lines [][]byte, o RestoredOptions) Tables {
	out := o.store()
	emit := func(b []byte) { must(out.Write(context.Background(), b)) }
	var job *runtime.Runtime
	begin := func() *states {
		if job != nil {
			job.End()
		}
		job = o.start(out)
		return newStates(o.Options, job, emit)
	}
	s := begin()
	defer func() { job.End() }()
	kept, keptAt := s.cellsNow(), 0
	for at := 0; at < len(lines); {
		n := min(1+o.Dice.N(4), len(lines)-at)
		b := batches(lines[at:at+n], Options{Name: o.Name})[0]
		b.FirstLine = int64(at) + 1
		s.read(b)
		at += n
		for _, c := range s.cells {
			if c.set && o.Dice.OneIn(1) {
				s.fire(c)
			}
		}
		switch {
		case o.Dice.OneIn(2):
			kept, keptAt = s.cellsNow(), at
		case o.Restores > 0 && o.Dice.OneIn(1):
			o.Restores--
			if o.Dice.OneIn(1) {
				s = begin()
			} else {
				s = newStates(o.Options, job, emit)
			}
			at = keptAt
			for _, c := range kept {
				c := *c
				*s.cell(c.kind, c.key) = c
			}
		}
	}
	for _, c := range s.cells {
		if c.set {
			s.fire(c)
		}
	}
	return out.Tables()
}

// cellsNow returns copies of the cells.
func (s *states) cellsNow() []*cell {
	var all []*cell
	for _, c := range s.cells {
		c := *c
		all = append(all, &c)
	}
	return all
}
