package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"time"

	"flexbeam/simulate"
)

// A plan is what will be sent and when. It is drawn before anything is measured, since drawing
// takes processor time that the job would miss. The texts are in a file, 24 bytes of each record in
// memory.
type plan struct {
	file  *os.File
	w     *bufio.Writer
	size  int64
	items []item
}

// An item is a record of a plan.
type item struct {
	due    time.Duration // after sending has begun; 0: at once
	at     int64         // of the text in the file
	length int32
	key    uint32 // to partition by
}

func newPlan(dir string) (*plan, error) {
	f, err := os.CreateTemp(dir, "plan-*")
	if err != nil {
		return nil, err
	}
	return &plan{file: f, w: bufio.NewWriterSize(f, 1<<20)}, nil
}

// write puts a text into the file.
func (p *plan) write(text []byte) (item, error) {
	it := item{at: p.size, length: int32(len(text)), key: hash(text)}
	p.size += int64(len(text))
	_, err := p.w.Write(text)
	return it, err
}

// add plans an item.
func (p *plan) add(it item, due time.Duration) {
	it.due = due
	p.items = append(p.items, it)
}

// ready ends drawing. The texts are on disk then: what the system still had to write would delay
// what a job syncs.
func (p *plan) ready() error {
	slices.SortStableFunc(p.items, func(a, b item) int { return cmp.Compare(a.due, b.due) })
	if err := p.w.Flush(); err != nil {
		return err
	}
	return p.file.Sync()
}

func (p *plan) close() {
	p.file.Close()
	os.Remove(p.file.Name())
}

// due returns how many records are due at a time after sending has begun.
func (p *plan) due(at time.Duration) int {
	return sort.Search(len(p.items), func(i int) bool { return p.items[i].due > at })
}

// hash spreads texts evenly over the shards.
func hash(text []byte) uint32 {
	h := uint32(2166136261)
	for _, b := range text {
		h = (h ^ uint32(b)) * 16777619
	}
	return h
}

// errEnough ends drawing.
var errEnough = errors.New("enough")

// evenly plans so many records of a history a second, for a time: however fast that is by the times
// of the events.
func evenly(ctx context.Context, dir string, c simulate.Config, rate int, d time.Duration) (*plan, error) {
	p, err := newPlan(dir)
	if err != nil {
		return nil, err
	}
	_, err = simulate.Each(ctx, c, func(r simulate.Record) error {
		due := time.Duration(len(p.items)) * time.Second / time.Duration(rate)
		if due >= d {
			return errEnough
		}
		it, err := p.write(r.Text)
		p.add(it, due)
		return err
	})
	if err == nil {
		err = fmt.Errorf("the history has %d events, which is too few", len(p.items))
	}
	if !errors.Is(err, errEnough) {
		p.close()
		return nil, err
	}
	if err := p.ready(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// centreRate is how many events a second a centre has at most; more come from several. In larger
// ones the search for a free agent takes most of the time of drawing, and there is a bound of
// agents.
const centreRate = 250

// A load is events that are sent when they happen, so many a second, in order, each hundredth twice
// in a row: neither disorder nor late copies add to what the pipeline takes. Contacts of all ages
// are open at the start: what happened to them, and to agents, is due at once.
type load struct {
	rate int
	past time.Duration // how long contacts came before
	live time.Duration
}

// draw plans a load that begins as soon as it is drawn, and returns when that is.
func (l load) draw(ctx context.Context, dir string) (*plan, time.Time, error) {
	centres := (l.rate + centreRate - 1) / centreRate
	tasks, took, err := l.tune(ctx, float64(l.rate)/float64(centres))
	if err != nil {
		return nil, time.Time{}, err
	}
	begin := time.Now().Add(took*time.Duration(3*centres) + 5*time.Second) // when it is drawn and a job has started, with some margin
	p, err := newPlan(dir)
	if err != nil {
		return nil, time.Time{}, err
	}
	for i := range centres {
		if err = l.centre(ctx, p, uint64(i+1), begin, tasks); err != nil {
			break
		}
	}
	if err == nil {
		err = p.ready()
	}
	if err != nil {
		p.close()
		return nil, time.Time{}, err
	}
	return p, begin, nil
}

// config is the history of a centre, of which the live part begins at a time. It goes on a little
// longer: its last contacts come early.
func (l load) config(seed uint64, begin time.Time, tasks int) simulate.Config {
	c := history(seed, begin.Add(-l.past), (l.past+l.live)*21/20, tasks)
	c.Disorder, c.Duplicates = 0, 0
	return c
}

// tune returns how many contacts a centre must have for a rate, and how long it takes to draw them.
// It draws, counts in the first half of the live part, and corrects itself. Contacts last a while,
// so the second half has some percent more.
func (l load) tune(ctx context.Context, rate float64) (tasks int, took time.Duration, err error) {
	tasks = int(rate*(l.past+l.live).Seconds()/eventsPerTask) + 1
	for range 2 {
		n, now := 0, time.Now()
		half := now.Add(l.live / 2)
		if _, err := simulate.Each(ctx, l.config(1, now, tasks), func(r simulate.Record) error {
			if r.Arrival.After(now) && !r.Arrival.After(half) {
				n++
			}
			return nil
		}); err != nil {
			return 0, 0, err
		}
		took = max(took, time.Since(now))
		tasks = int(float64(tasks)*rate*(l.live/2).Seconds()/((1+copies)*float64(max(n, 1)))) + 1
	}
	return tasks, took, nil
}

// centre plans the events of a centre.
func (l load) centre(ctx context.Context, p *plan, seed uint64, begin time.Time, tasks int) error {
	earlier := map[string][]item{} // of contacts and agents of whom nothing live has come yet
	n := 0
	_, err := simulate.Each(ctx, l.config(seed, begin, tasks), func(r simulate.Record) error {
		due := r.Arrival.Sub(begin)
		if due >= l.live {
			return errEnough
		}
		it, err := p.write(r.Text)
		if err != nil {
			return err
		}
		if due <= 0 {
			earlier[r.Key] = append(earlier[r.Key], it)
			return nil
		}
		for _, e := range earlier[r.Key] {
			p.add(e, 0)
		}
		delete(earlier, r.Key)
		p.add(it, due)
		if n++; n%int(1/copies) == 0 {
			p.add(it, due)
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
