package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"flexbeam/simulate"
)

// outage is how long nobody read.
const outage = 4 * time.Hour

// catchUp measures how fast a job takes what gathered meanwhile.
func catchUp(ctx context.Context, s settings) error {
	server, err := serve()
	if err != nil {
		return err
	}
	defer server.Close()
	input := filepath.Join(s.dir, "outage.ndjson")
	var sent atomic.Int64
	now := time.Now()
	if err := fill(ctx, s, input, now.Add(-outage), &gather{server: server, sent: &sent}); err != nil {
		return err
	}
	j, err := start(ctx, s, server, "catch-up")
	if err != nil {
		return err
	}
	defer j.cmd.Process.Kill()
	var m sample
	var complete time.Time // when all was folded: the flush that ends after a later one began shows it
	flushes := 0.0
	err = j.await(ctx, 10*time.Minute, func() (bool, error) {
		if m, err = j.metrics(); err != nil {
			return false, err
		}
		n := m["flexbeam_flush_duration_seconds_count"]
		if complete.IsZero() && m.read() >= int(sent.Load()) && m.folded() >= int(sent.Load()) {
			complete, flushes = time.Now(), n
		}
		return !complete.IsZero() && n >= flushes+2, nil
	})
	if err != nil {
		return err
	}
	wall := time.Since(j.started).Seconds()
	if err := j.stop(); err != nil {
		return err
	}
	live, err := count(j.file)
	if err != nil {
		return err
	}

	file := filepath.Join(s.dir, "batch.duckdb")
	for _, old := range []string{file, file + ".wal"} {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, s.program, "run", "--source", "file:"+input, "--sink", "duckdb:"+file, "--runner", "prism", "--progress", "none")
	var log messages
	cmd.Stderr = &log
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("batch: %w: %s", err, log.String())
	}
	batchWall, batchCPU := time.Since(begin).Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	rows, err := count(file)
	if err != nil {
		return err
	}
	if rows != live {
		return fmt.Errorf("the stream made %s engagements, a batch of the same records %s", live, rows)
	}
	n := float64(sent.Load())
	show(table.Row{"configuration", "events", "wall s", "CPU s", "events/s", "rows/s", "us CPU/event", "wall / batch", "CPU / batch"},
		table.Row{"stream, prism", whole(n), seconds(wall), seconds(m.cpu()), whole(n / wall), whole(m.upserts() / wall), seconds(1e6 * m.cpu() / n), ratio(wall, batchWall), ratio(m.cpu(), batchCPU)},
		table.Row{"batch, prism", whole(n), seconds(batchWall), seconds(batchCPU), whole(n / batchWall), "", seconds(1e6 * batchCPU / n), "1.00", "1.00"})
	return nil
}

// fill puts the records of an outage into a stream, with their times of arrival, and into a file.
func fill(ctx context.Context, s settings, file string, begin time.Time, g *gather) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	end := begin.Add(outage)
	c := history(1, begin, outage, s.events/eventsPerTask)
	c.Disorder = time.Minute
	_, err = simulate.Each(ctx, c, func(r simulate.Record) error {
		if r.Arrival.After(end) {
			return nil
		}
		g.add(r, r.Arrival)
		if len(g.all) >= 500 {
			g.flush()
		}
		w.Write(r.Text)
		return w.WriteByte('\n')
	})
	if err != nil {
		return err
	}
	g.flush()
	return w.Flush()
}
