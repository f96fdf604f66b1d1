package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"flexbeam/internal/kinesisfake"
)

// sustained returns the highest rate that a job keeps up with.
func sustained(ctx context.Context, s settings) (best int, err error) {
	server, err := serve(remembered)
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
	var t tally
	for i, rate := range s.rates {
		st, err := j.hold(ctx, s, server, uint64(i+1), rate, &t)
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(os.Stderr, "%d events/s wanted: %.0f sent, %.0f folded, %.0f behind in the end\n", rate, st.sent, st.taken, st.end)
		verdict := st.verdict(rate)
		rows = append(rows, table.Row{rate, whole(st.sent), st.late.Milliseconds(), whole(st.taken), whole(st.rows), seconds(st.cpu), seconds(st.own), whole(st.middle), whole(st.end), verdict})
		if verdict != holds {
			break
		}
		best = rate
	}
	show(table.Row{"wanted events/s", "sent/s", "late ms, at most", "folded/s", "rows/s", "CPU s/s", "sender and server CPU s/s", "events behind, middle", "events behind, end", ""}, rows...)
	if best == 0 {
		return 0, fmt.Errorf("not even %d events/s hold", s.rates[0])
	}
	return best, nil
}

// A step is what was measured at a rate.
type step struct {
	sent, taken, rows, cpu, own float64 // a second
	late                        time.Duration
	middle, end                 float64 // events that were sent and not folded
}

const holds = "holds"

// verdict tells whether the job kept up. Where the sender did not, nobody knows.
func (s step) verdict(rate int) string {
	switch {
	case s.sent < sentShare*float64(rate):
		return "invalid: too few sent"
	case s.taken < 0.97*s.sent || s.end-s.middle > 0.5*float64(rate):
		return "falls behind"
	}
	return holds
}

// hold sends at a rate for the time of a step and measures from its fourth part on. The events are those of a busy time that ends
// now, since a centre of so many events a second has few of which a task ends within a step.
func (j *job) hold(ctx context.Context, s settings, server *kinesisfake.Server, seed uint64, rate int, t *tally) (st step, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const span = 2 * time.Hour
	tasks := int(1.5*float64(rate)*s.step.Seconds()/eventsPerTask) + 100 // more than are sent
	p, err := evenly(ctx, s.dir, history(seed, time.Now().Add(-span), span, tasks), rate, s.step)
	if err != nil {
		return st, err
	}
	defer p.close()
	begin := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- p.send(ctx, server, begin, t) }()
	type look struct {
		at        time.Time
		m         sample
		sent, own float64
	}
	var looks [3]look // after a fourth, five eighths, all of it
	for i, part := range []float64{0.25, 0.625, 1} {
		if err := j.pause(ctx, time.Until(begin.Add(time.Duration(part*float64(s.step))))); err != nil {
			return st, err
		}
		m, err := j.metrics()
		if err != nil {
			return st, err
		}
		looks[i] = look{time.Now(), m, float64(t.sent.Load()), ownCPU()}
		if i == 0 {
			t.latest()
		}
	}
	st.late = t.latest()
	if err := <-ended; err != nil {
		return st, err
	}
	a, middle, b := looks[0], looks[1], looks[2]
	d := b.at.Sub(a.at).Seconds()
	st.sent, st.own = (b.sent-a.sent)/d, (b.own-a.own)/d
	st.taken, st.rows, st.cpu = float64(b.m.folded()-a.m.folded())/d, (b.m.upserts()-a.m.upserts())/d, (b.m.cpu()-a.m.cpu())/d
	st.middle, st.end = middle.sent-float64(middle.m.folded()), b.sent-float64(b.m.folded())
	// The next step begins with nothing behind.
	return st, j.await(ctx, 5*time.Minute, func() (bool, error) {
		m, err := j.metrics()
		return err == nil && m.folded() >= int(t.sent.Load()), err
	})
}
