package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"flexbeam/internal/testkit/kinesisfake"
)

// sustained returns the highest rate that a job keeps up with, or the first one.
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
	show(table.Row{"wanted events/s", "sent/s", "late ms, at most", "folded/s", "rows/s", "CPU s/s", "sender and server CPU s/s", "events behind, second quarter", "events behind, last quarter", ""}, rows...)
	if best == 0 {
		best = s.rates[0]
		fmt.Printf("not even %d events/s hold\n", best)
	}
	return best, nil
}

// A step is what was measured at a rate.
type step struct {
	sent, taken, rows, cpu, own float64 // a second
	late                        time.Duration
	middle, end                 float64 // events that were sent and not folded, means of the second and the last quarter
}

// stepLook is how often is looked within a step: the job reads once a second, so what it has not
// folded goes up and down.
const stepLook = 250 * time.Millisecond

// stepOf returns what looks, which begin with the second quarter, have seen of a step.
func stepOf(looks []look, begin time.Time, d time.Duration) step {
	a, b := looks[0], looks[len(looks)-1]
	s := b.at.Sub(a.at).Seconds()
	st := step{sent: float64(b.sent-a.sent) / s, rows: (b.m.upserts() - a.m.upserts()) / s, cpu: (b.m.cpu() - a.m.cpu()) / s, own: (b.own - a.own) / s}
	mean := func(from, to time.Duration) float64 {
		var behind, n float64
		for _, l := range looks {
			if at := l.at.Sub(begin); at >= from && at < to {
				behind, n = behind+float64(l.sent)-float64(l.m.folded()), n+1
			}
		}
		return behind / n
	}
	st.middle, st.end = mean(d/4, d/2), mean(d*3/4, 2*d)
	st.taken = st.sent - (st.end-st.middle)/(d/2).Seconds()
	return st
}

const holds = "holds"

// verdict tells whether the job kept up. Where the sender did not, nobody knows.
func (s step) verdict(rate int) string {
	switch {
	case s.sent < sentShare*float64(rate):
		return "invalid: too few sent"
	case !(s.end-s.middle <= 0.5*float64(rate)):
		return "falls behind"
	}
	return holds
}

// hold sends at a rate for the time of a step and measures from its fourth part on. The events are
// those of a busy time that ends now, since a centre of so many events a second has few of which a
// task ends within a step.
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
	if err := j.pause(ctx, s.step/4); err != nil {
		return st, err
	}
	t.latest()
	var looks []look
	for {
		m, err := j.metrics()
		if err != nil {
			return st, err
		}
		looks = append(looks, look{at: time.Now(), m: m, sent: t.sent.Load(), own: ownCPU()})
		left := time.Until(begin.Add(s.step))
		if left <= 0 {
			break
		}
		if err := j.pause(ctx, min(left, stepLook)); err != nil {
			return st, err
		}
	}
	late := t.latest()
	if err := <-ended; err != nil {
		return st, err
	}
	st = stepOf(looks, begin, s.step)
	st.late = late
	// The next step begins with nothing behind.
	return st, j.await(ctx, 5*time.Minute, func() (bool, error) {
		m, err := j.metrics()
		return err == nil && m.folded() >= int(t.sent.Load()), err
	})
}
