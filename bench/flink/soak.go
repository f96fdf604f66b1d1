package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"flexbeam/internal/testkit/flinklocal"
)

// A look is how large everything was at a time.
type look struct {
	at    time.Duration
	bytes [5]float64
}

// sizes are what a look sees.
var sizes = [5]string{"TaskManager", "JobManager", "job server", "workers", "checkpoint"}

// memory watches the memory of a job for a time.
func (w *world) memory(ctx context.Context) error {
	const looks = 30
	var all []look
	err := w.steady(ctx, w.soak+most, func(j *job, id string) error {
		begin := time.Now()
		for i := range looks + 1 {
			if err := j.pause(ctx, time.Until(begin.Add(time.Duration(i)*w.soak/looks))); err != nil {
				return err
			}
			p := w.cluster.Processes()
			l := look{at: time.Since(begin), bytes: [5]float64{
				used(p[flinklocal.TaskManager(0)]).rss, used(p[flinklocal.JobManager]).rss, used(p[flinklocal.JobServer]).rss, used(w.goes()...).rss,
			}}
			if c, err := w.flink.Checkpoints(ctx, id); err == nil && c.Last != nil {
				l.bytes[4] = float64(c.Last.Bytes)
			}
			all = append(all, l)
		}
		return nil
	})
	if err != nil {
		return err
	}
	out := table.NewWriter()
	head := table.Row{"minute"}
	for _, name := range sizes {
		head = append(head, name)
	}
	out.AppendHeader(head)
	for i := 0; i < len(all); i += 3 {
		row := table.Row{fmt.Sprintf("%.1f", all[i].at.Minutes())}
		for _, n := range all[i].bytes {
			row = append(row, mega(n))
		}
		out.AppendRow(row)
	}
	foot := table.Row{"slope, in kB/min"}
	for i := range sizes {
		foot = append(foot, fmt.Sprintf("%+.0f", slope(all[len(all)/3:], i)/1e3))
	}
	out.AppendFooter(foot)
	fmt.Printf("%d events/s, parallelism 2, a checkpoint every %v\n%s\n", w.rate, w.checkpoints, out.Render())
	return nil
}

// slope returns that of the line through looks, in bytes a minute.
func slope(all []look, i int) float64 {
	var x, y, xx, xy, n float64
	for _, l := range all {
		m, b := l.at.Minutes(), l.bytes[i]
		x, y, xx, xy, n = x+m, y+b, xx+m*m, xy+m*b, n+1
	}
	return (n*xy - x*y) / (n*xx - x*x)
}
