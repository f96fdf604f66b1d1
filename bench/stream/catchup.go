package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/internal/testkit/tape"
	"flexbeam/simulate"
)

// outage is how long nobody read.
const outage = 4 * time.Hour

// catchUp measures how fast a job takes what gathered meanwhile.
func catchUp(ctx context.Context, s settings) error {
	server, err := serve(0)
	if err != nil {
		return err
	}
	defer server.Close()
	input := filepath.Join(s.dir, "outage.ndjson")
	sent, err := fill(ctx, s, input, time.Now().Add(-outage), server)
	if err != nil {
		return err
	}
	j, err := start(ctx, s, server, "catch-up")
	if err != nil {
		return err
	}
	defer j.cmd.Process.Kill()
	p := progress{n: sent}
	err = j.await(ctx, 20*time.Minute, func() (bool, error) {
		m, err := j.metrics()
		if err != nil {
			return false, err
		}
		return p.see(time.Now(), m), nil
	})
	if err != nil {
		return err
	}
	if err := j.stop(); err != nil {
		return err
	}
	live, err := count(j.file)
	if err != nil {
		return err
	}
	rows, batchWall, batchCPU, err := batch(ctx, s, input)
	if err != nil {
		return err
	}
	if rows != live {
		return fmt.Errorf("the stream made %s engagements, a batch of the same records %s", live, rows)
	}
	n, m := float64(sent), p.last
	first, read, folded, wall := since(j.started, p.first), since(j.started, p.read), since(j.started, p.folded), since(j.started, p.visible)
	show(table.Row{"configuration", "events", "wall s", "CPU s", "events/s", "rows/s", "us CPU/event", "wall / batch", "CPU / batch"},
		table.Row{"stream, prism", sent, seconds(wall), seconds(m.cpu()), whole(n / wall), whole(m.upserts() / wall), seconds(1e6 * m.cpu() / n), ratio(wall, batchWall), ratio(m.cpu(), batchCPU)},
		table.Row{"batch, prism", sent, seconds(batchWall), seconds(batchCPU), whole(n / batchWall), "", seconds(1e6 * batchCPU / n), "1.00", "1.00"})
	show(table.Row{"seconds from start to", "first record read", "all read", "all folded", "all visible", "events/s from first read to all visible"},
		table.Row{"stream, prism", seconds(first), seconds(read), seconds(folded), seconds(wall), whole(n / (wall - first))})
	return nil
}

// batch runs a batch on Prism over a file. It returns the engagements by type, and the wall time
// and processor time in seconds.
func batch(ctx context.Context, s settings, input string) (rows string, wall, cpu float64, err error) {
	file := filepath.Join(s.dir, "batch.duckdb")
	for _, old := range []string{file, file + ".wal"} {
		if err := os.RemoveAll(old); err != nil {
			return "", 0, 0, err
		}
	}
	cmd := exec.CommandContext(ctx, s.program, "run", "--source", "file:"+input, "--sink", "duckdb:"+file,
		"--runner", "prism", "--progress", "none")
	var log tape.Tape
	cmd.Stderr = &log
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return "", 0, 0, fmt.Errorf("batch: %w: %s", err, log.String())
	}
	wall = time.Since(begin).Seconds()
	cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	rows, err = count(file)
	return rows, wall, cpu, err
}

func since(begin, t time.Time) float64 { return t.Sub(begin).Seconds() }

// progress is how far a job has come with n records, and when.
type progress struct {
	n int

	first, read, folded time.Time // the first record read, all read, all folded
	rows                time.Time // the last row given to the sink
	visible             time.Time // the end of the first flush that began after that
	last                sample
}

// see notes what the metrics say, and tells whether everything is visible and a further flush
// showed no more.
func (p *progress) see(at time.Time, m sample) bool {
	old := p.last
	p.last = m
	reach := func(t *time.Time, yes bool) {
		if t.IsZero() && yes {
			*t = at
		}
	}
	reach(&p.first, m.read() > 0)
	reach(&p.read, m.read() >= p.n)
	reach(&p.folded, m.folded() >= p.n)
	if p.folded.IsZero() {
		return false
	}
	if p.rows.IsZero() || m.upserts() != old.upserts() {
		p.rows, p.visible = at, time.Time{}
	}
	const flushes = "flexbeam_flush_duration_seconds"
	if m[flushes+"_count"] == old[flushes+"_count"] {
		return false
	}
	if !p.visible.IsZero() {
		return true
	}
	end := time.UnixMilli(int64(1000 * m["flexbeam_last_flush_timestamp_seconds"]))
	if begin := end.Add(-time.Duration(float64(time.Second) * (m[flushes+"_sum"] - old[flushes+"_sum"]))); begin.After(p.rows) {
		p.visible = end
	}
	return false
}

// fill puts the records of an outage into a stream, with their times of arrival, and into a file.
// It returns how many they are.
func fill(ctx context.Context, s settings, file string, begin time.Time, server *kinesisfake.Server) (n int, err error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
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
		n++
		server.Put(stream, kinesisfake.Record{PartitionKey: partition(hash(r.Text)), Data: r.Text, Arrival: r.Arrival})
		w.Write(r.Text)
		return w.WriteByte('\n')
	})
	if err != nil {
		return 0, err
	}
	return n, w.Flush()
}
