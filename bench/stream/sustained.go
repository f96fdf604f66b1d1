package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"flexbeam/internal/kinesisfake"
)

// sustained returns the highest rate that a job keeps up with.
func sustained(ctx context.Context, s settings) (best int, err error) {
	server, err := serve()
	if err != nil {
		return 0, err
	}
	defer server.Close()
	j, err := start(ctx, s, server, "sustained")
	if err != nil {
		return 0, err
	}
	defer j.cmd.Process.Kill()
	var rows []table.Row
	var sent atomic.Int64
	for i, rate := range s.rates {
		st, err := j.hold(ctx, s, server, uint64(i+1), rate, &sent)
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(os.Stderr, "%d events/s wanted: %.0f sent, %.0f folded, %.0f behind in the end\n", rate, st.sent, st.taken, st.end)
		verdict := "holds"
		if st.holds(rate) {
			best = rate
		} else {
			verdict = "falls behind"
		}
		rows = append(rows, table.Row{rate, whole(st.sent), whole(st.taken), whole(st.rows), seconds(st.cpu), whole(st.middle), whole(st.end), verdict})
		if best != rate {
			break
		}
	}
	show(table.Row{"wanted events/s", "sent/s", "folded/s", "rows/s", "CPU s/s", "events behind, middle", "events behind, end", ""}, rows...)
	if best == 0 {
		return 0, fmt.Errorf("not even %d events/s hold", s.rates[0])
	}
	return best, nil
}

// A step is what was measured at a rate.
type step struct {
	sent, taken, rows, cpu float64 // a second
	middle, end            float64 // events that were sent and not folded
}

// holds tells whether the job kept up.
func (s step) holds(rate int) bool {
	return s.taken >= 0.97*s.sent && s.end-s.middle <= 0.5*float64(rate)
}

// hold sends at a rate for the time of a step and measures from its fourth part on. The events are those of a busy time that ends
// now, since a centre of so many events a second has few of which a task ends within a step.
func (j *job) hold(ctx context.Context, s settings, server *kinesisfake.Server, seed uint64, rate int, sent *atomic.Int64) (st step, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const span = 2 * time.Hour
	tasks := int(1.5 * float64(rate) * s.step.Seconds() / eventsPerTask) // more than are sent
	ended := make(chan error, 1)
	go func() {
		ended <- atRate(ctx, server, history(seed, time.Now().Add(-span), span, tasks), rate, s.step, sent)
	}()
	type look struct {
		at     time.Time
		m      sample
		behind float64
	}
	var looks [3]look // after a fourth, five eighths, all of it
	begin := time.Now()
	var first int64
	for i, part := range []float64{0.25, 0.625, 1} {
		select {
		case <-time.After(time.Until(begin.Add(time.Duration(part * float64(s.step))))):
		case <-ctx.Done():
			return st, ctx.Err()
		}
		m, err := j.metrics()
		if err != nil {
			return st, err
		}
		n := sent.Load()
		looks[i] = look{time.Now(), m, float64(n) - float64(m.folded())}
		if i == 0 {
			first = n
		}
	}
	last := sent.Load()
	if err := <-ended; err != nil {
		return st, err
	}
	a, b := looks[0], looks[2]
	d := b.at.Sub(a.at).Seconds()
	st = step{
		sent: float64(last-first) / d, taken: float64(b.m.folded()-a.m.folded()) / d, rows: (b.m.upserts() - a.m.upserts()) / d,
		cpu: (b.m.cpu() - a.m.cpu()) / d, middle: looks[1].behind, end: b.behind,
	}
	// The next step begins with nothing behind.
	return st, j.await(ctx, 5*time.Minute, func() (bool, error) {
		m, err := j.metrics()
		return err == nil && m.folded() >= int(sent.Load()), err
	})
}
