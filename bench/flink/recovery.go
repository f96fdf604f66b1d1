package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"flexbeam/internal/testkit/flinklocal"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/runtime"
)

// steady runs a job at parallelism 2 over events that come at the rate, lets do watch it once it keeps
// up, and stops it.
func (w *world) steady(ctx context.Context, d time.Duration, do func(j *job, id string) error) error {
	server, err := newStream()
	if err != nil {
		return err
	}
	defer server.Close()
	sending, enough := context.WithCancel(ctx)
	defer enough()
	sent := make(chan error, 1)
	j, id, err := w.onFlink(ctx, server, w.sink(), 2)
	if err != nil {
		return err
	}
	defer j.kill()
	go func(s *kinesisfake.Server) { sent <- send(sending, s, w.rate, d) }(server)
	if err := j.await(ctx, tellEvery, func() bool { _, n, _ := w.flink.Counters(ctx, id, runtime.Metrics); return n["distinct_events"] > 0 }); err != nil {
		return err
	}
	if err := do(j, id); err != nil {
		return err
	}
	enough()
	if err := <-sent; err != nil {
		return err
	}
	return j.stop()
}

// passed returns up to which time a job has done all; zero where that is not known.
func (w *world) passed(ctx context.Context, id string) time.Time {
	s, err := w.flink.Status(ctx, id)
	if err != nil {
		return time.Time{}
	}
	ms, ok, err := w.flink.Settled(ctx, s)
	if err != nil || !ok {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// recovery measures how long a job takes over the loss of its TaskManager.
func (w *world) recovery(ctx context.Context) error {
	out := table.NewWriter()
	out.AppendHeader(table.Row{"kill", "s until records are read again", "s until the watermark passes the kill"})
	const kills = 2
	err := w.steady(ctx, most, func(j *job, id string) error {
		for i := range kills {
			if err := j.pause(ctx, 3*w.checkpoints/2); err != nil {
				return err
			}
			at := time.Now()
			w.cluster.Kill(flinklocal.TaskManager(0))
			var read, passed time.Duration
			err := j.await(ctx, tellEvery, func() bool {
				restarts, n, _ := w.flink.Counters(ctx, id, runtime.Metrics)
				if read == 0 && restarts > int64(i) && n["records"] > 0 {
					read = time.Since(at)
				}
				passed = time.Since(at)
				return read > 0 && w.passed(ctx, id).After(at)
			})
			if err != nil {
				return err
			}
			out.AppendRow(table.Row{i + 1, fmt.Sprintf("%.1f", read.Seconds()), fmt.Sprintf("%.1f", passed.Seconds())})
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("%d events/s, parallelism 2, a checkpoint every %v\n%s\n", w.rate, w.checkpoints, out.Render())
	return nil
}

// pause waits for a time, while the job runs.
func (j *job) pause(ctx context.Context, d time.Duration) error {
	end := time.Now().Add(d)
	return j.await(ctx, askEvery, func() bool { return time.Now().After(end) })
}
