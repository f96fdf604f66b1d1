package history

import (
	"context"
	"fmt"
	"strconv"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/record"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/beamstate"
	"flexbeam/transforms/keyed/local"
)

// A Step is what happens at once in a stream: lines arrive, then the watermark moves.
type Step struct {
	From, To  int   // the lines from From to To-1 arrive in one batch; none if they are equal
	Watermark int64 // ms of arrival time; it never passes a line that is yet to arrive
}

const hour = int64(keyed.Hour)

// Steps draws steps for lines that arrive at some times, in ms, which rise. Behind a batch the
// watermark stays behind, or moves to hours and other times before the next line arrives. At the
// end it moves on to finally.
func Steps(d Dice, arrivals []int64, finally int64) (all []Step) {
	for at := 0; at < len(arrivals); {
		from := at
		for at++; at < len(arrivals) && d.OneIn(1); at++ {
		}
		last, next := arrivals[at-1], finally
		if at < len(arrivals) {
			next = arrivals[at]
		}
		all = append(all, Step{from, at, arrivals[from+d.N(at-from)]})
		if d.OneIn(2) && at < len(arrivals) {
			continue // the next batch comes before the watermark has passed this one
		}
		for h := (last + hour - 1) / hour * hour; h <= next; h += hour * int64(1+d.N(40)) {
			all = append(all, Step{at, at, h})
			if d.OneIn(1) {
				all = append(all, Step{at, at, min(next, h+int64(d.N(int(hour))))})
			}
		}
		all = append(all, Step{at, at, next})
	}
	return all
}

// Sides is what two drivers make of the same steps: the one that keeps states in Beam's cells, and
// the store of one process.
type Sides struct {
	Cells, Store       Tables
	CellsSum, StoreSum Sum
}

// A Sum is what a driver counted.
type Sum struct{ Records, Events, DeadLetters int64 }

// SideBySide runs lines through keyed/beamstate and keyed/local in the same steps. Where the
// watermark has passed all that has arrived and is at an hour, both must hold the same: it calls
// differ with how they do not.
func SideBySide(lines [][]byte, arrivals []int64, steps []Step, dir string, d Dice, o Options, differ func(at int64, diff string)) (sides Sides) {
	watermark := int64(-1 << 62)
	clock := func() time.Time { return time.UnixMilli(max(watermark, 0)) }
	out := NewStore()
	cells := newStates(o, o.startAt(out, clock), func(b []byte) { must(out.Write(context.Background(), b)) })
	defer cells.job.End()
	store := newProcess(nil, &buffered{Store: NewStore()}, LiveOptions{Options: o, Dir: dir, Dice: d})
	defer store.end()
	for _, step := range steps {
		if step.From < step.To {
			b := arriving(lines, arrivals, step)
			cells.read(b)
			store.read(b)
		}
		watermark = max(watermark, step.Watermark)
		cells.pass(watermark)
		store.pass(watermark)
		if d.OneIn(2) {
			must(store.store.Checkpoint(store.sink.flush))
		}
		if watermark%hour == 0 && step.To > 0 && arrivals[step.To-1] <= watermark {
			if diff := diffHeld(cells, store.store); diff != "" {
				differ(watermark, diff)
			}
		}
	}
	must(store.store.Checkpoint(store.sink.flush))
	return Sides{unreceived(out.Tables()), unreceived(store.sink.Tables()), sumOf(cells.job), sumOf(store.job)}
}

// arriving returns the batch of a step.
func arriving(lines [][]byte, arrivals []int64, step Step) record.Batch {
	b := record.Batch{Source: "file", Name: "lines", Progress: strconv.AppendInt(nil, int64(step.To), 10)}
	for i := step.From; i < step.To; i++ {
		b.Data = append(b.Data, lines[i]...)
		b.Ends = append(b.Ends, int64(len(b.Data)))
		b.Arrivals = append(b.Arrivals, arrivals[i])
		b.Positions = append(b.Positions, strconv.Itoa(i+1))
	}
	return b
}

func sumOf(job *runtime.Runtime) Sum {
	c := job.Counters
	return Sum{c.Records.Load(), c.Events.Load(), c.DeadLetters.Load()}
}

// diffHeld returns how what is held of each key differs, and the sizes of both.
func diffHeld(cells *states, store *local.Store) string {
	inCells, inStore := map[string]string{}, map[string]string{}
	sizes := map[string]local.KindSize{}
	for _, c := range cells.cells {
		kind := keyed.ByID(c.kind)
		name, size := fmt.Sprintf("%s %q", kind.Name, c.key), sizes[kind.Name]
		if c.value != nil {
			s, err := beamstate.StateIn(c.value.([]byte))
			must(err)
			inCells[name] = tell(kind, s)
			switch {
			case s.Tombstone:
				size.Tombstones++
			case !s.Anonymous:
				size.Keys++
				if !s.Closed {
					size.Open++
				}
			}
		}
		sizes[kind.Name] = size
		s, ok, err := store.State(c.kind, c.key)
		must(err)
		if ok {
			inStore[name] = tell(kind, &s)
		}
	}
	inSize := map[string]local.KindSize{}
	for kind := range sizes {
		k := store.Size().Of(kind)
		if kind == customer.Name { // a contact on disk counts as one that is closed
			k.Open, sizes[kind] = 0, local.KindSize{Keys: sizes[kind].Keys, Tombstones: sizes[kind].Tombstones}
		}
		inSize[kind] = local.KindSize{Keys: k.Keys, Open: k.Open, Tombstones: k.Tombstones}
	}
	return gocmp.Diff(inCells, inStore) + gocmp.Diff(sizes, inSize)
}

// tell says what is held of a key, and until when.
func tell(kind *keyed.Kind, s *keyed.State) string {
	if s.Tombstone {
		return fmt.Sprintf("a tombstone until %d", kind.Until(s))
	}
	return fmt.Sprintf("a state since %d, closed %t", s.Arrival, s.Closed)
}
