package main

import (
	"context"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// alone measures the sender without a job: whether it keeps a rate, and what that costs.
func alone(ctx context.Context, s settings) error {
	var rows []table.Row
	for _, rate := range s.rates {
		r, err := sendAlone(ctx, s, rate)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	show(table.Row{"wanted events/s", "drawing s", "sent at once", "in s", "sent/s", "late ms, at most", "CPU s/s", "us CPU/event", ""}, rows...)
	return nil
}

func sendAlone(ctx context.Context, s settings, rate int) (table.Row, error) {
	server, err := serve(remembered)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	drawing := time.Now()
	p, begin, err := load{rate: rate, past: time.Minute, live: s.step}.draw(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	defer p.close()
	drawn := time.Since(drawing)
	time.Sleep(time.Until(begin))
	var t tally
	ended := make(chan error, 1)
	begin = time.Now()
	go func() { ended <- p.send(ctx, server, begin, &t) }()
	past := int64(p.due(0))
	for t.sent.Load() < past && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	atOnce := time.Since(begin)
	time.Sleep(time.Until(begin.Add(s.step / 4))) // what became due meanwhile is sent, too
	t.latest()
	cpu, first, since := ownCPU(), t.sent.Load(), time.Now()
	if err := <-ended; err != nil {
		return nil, err
	}
	d, n := time.Since(since).Seconds(), float64(t.sent.Load()-first)
	cpu = ownCPU() - cpu
	return table.Row{rate, seconds(drawn.Seconds()), past, seconds(atOnce.Seconds()), whole(n / d), t.latest().Milliseconds(), seconds(cpu / d), seconds(1e6 * cpu / n), enough(n/d, rate)}, ctx.Err()
}

// enough tells whether so many events a second are those that were wanted.
func enough(sent float64, rate int) string {
	if sent < sentShare*float64(rate) {
		return "invalid: too few sent"
	}
	return keeps
}

const keeps = "keeps the rate"

// sentShare is the share of the wanted events that must have been sent for a figure to count.
const sentShare = 0.97
