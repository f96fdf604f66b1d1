package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// latency measures latencies at a rate.
func latency(ctx context.Context, s settings, rate int) error {
	st := steady{rate: rate, warm: 20 * time.Second, measured: s.latency, past: time.Minute}
	if err := st.run(ctx, s, "latency"); err != nil {
		return err
	}
	st.latencies()
	return nil
}

// memory measures latencies and memory at the low rate, and what a reader sees.
func memory(ctx context.Context, s settings) error {
	st := steady{rate: s.slow, warm: s.warm, measured: s.steady, past: 5 * time.Minute, reads: true}
	if err := st.run(ctx, s, "memory"); err != nil {
		return err
	}
	st.latencies()
	st.sizes()
	return nil
}

// steady is a constant load of events that are sent when they happen.
type steady struct {
	rate     int
	warm     time.Duration // before measuring
	measured time.Duration // of which catching up takes some
	past     time.Duration // of which the events are sent at the start, so that contacts of all ages are open
	reads    bool          // with a reader

	looks  []look
	reader *reader
}

// A look is what was seen at a time.
type look struct {
	at   time.Time
	m    sample
	sent int64
}

// lookEvery is how often metrics are read.
const lookEvery = 5 * time.Second

func (st *steady) run(ctx context.Context, s settings, name string) error {
	server, err := serve()
	if err != nil {
		return err
	}
	defer server.Close()
	j, err := start(ctx, s, server, name)
	if err != nil {
		return err
	}
	defer j.cmd.Process.Kill()
	begin := time.Now()
	until := begin.Add(st.warm + st.measured)
	from := begin.Add(-st.past)
	tasks, err := density(ctx, from, until.Sub(from), st.past, st.rate)
	if err != nil {
		return err
	}
	var sent atomic.Int64
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- atTime(sending, server, history(1, from, until.Sub(from), tasks), until, &sent)
	}()
	see := func() error {
		m, err := j.metrics()
		if err == nil {
			st.looks = append(st.looks, look{time.Now(), m, sent.Load()})
		}
		return err
	}
	wait := func(d time.Duration) error {
		select {
		case err := <-j.ended:
			return fmt.Errorf("the job ended (%v): %s", err, j.log.String())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
	if err := wait(st.warm); err != nil {
		return err
	}
	// What lies in the past is caught up with first.
	err = j.await(ctx, st.measured/2, func() (bool, error) {
		m, err := j.metrics()
		return err == nil && float64(m.folded()) >= float64(sent.Load())-3*float64(st.rate), err
	})
	if err != nil {
		return err
	}
	if err := wait(3 * time.Second); err != nil {
		return err
	}
	if st.reads {
		st.reader = newReader(j.file)
		defer st.reader.close()
	}
	for time.Now().Before(until) {
		if err := see(); err != nil {
			return err
		}
		if st.reader != nil && len(st.looks) <= readLooks {
			if err := st.reader.read(ctx, lookEvery, len(st.looks) > 1); err != nil {
				return err
			}
			continue
		}
		if err := wait(min(lookEvery, time.Until(until))); err != nil {
			return err
		}
	}
	if err := see(); err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	err = j.await(ctx, 2*time.Minute, func() (bool, error) {
		m, err := j.metrics()
		return err == nil && m.folded() >= int(sent.Load()), err
	})
	if err != nil {
		return err
	}
	return j.stop()
}

// latencies prints how long it took until rows were visible.
func (st *steady) latencies() {
	a, b := st.looks[0], st.looks[len(st.looks)-1]
	d := b.at.Sub(a.at).Seconds()
	rows := []table.Row{{"flexbeam_latency_seconds", whole(float64(b.sent-a.sent) / d), whole((b.m.upserts() - a.m.upserts()) / d), seconds((b.m.cpu() - a.m.cpu()) / d),
		seconds(b.m.quantile("flexbeam_latency_seconds", a.m, 0.5)), seconds(b.m.quantile("flexbeam_latency_seconds", a.m, 0.99)), whole(b.m["flexbeam_latency_seconds_count"] - a.m["flexbeam_latency_seconds_count"])}}
	if st.reader != nil {
		p50, p99 := st.reader.quantiles()
		rows = append(rows, table.Row{"a reader of copies", "", "", "", seconds(p50), seconds(p99), len(st.reader.latencies)})
	}
	rows = append(rows, table.Row{"flexbeam_flush_duration_seconds", "", "", "",
		seconds(b.m.quantile("flexbeam_flush_duration_seconds", a.m, 0.5)), seconds(b.m.quantile("flexbeam_flush_duration_seconds", a.m, 0.99)), whole(b.m["flexbeam_flush_duration_seconds_count"] - a.m["flexbeam_flush_duration_seconds_count"])})
	show(table.Row{"measured by", "events/s", "rows/s", "CPU s/s", "p50 s", "p99 s", "samples"}, rows...)
}

const (
	tasksKind  = `kind="task"`
	agentsKind = `kind="agent"`
)

// sizes prints memory and state over the time.
func (st *steady) sizes() {
	var rows []table.Row
	begin := st.looks[0].at
	for i := range 7 {
		l := st.looks[i*(len(st.looks)-1)/6]
		tasks, agents := l.m.sum("flexbeam_state_keys", tasksKind), l.m.sum("flexbeam_state_keys", agentsKind)
		rows = append(rows, table.Row{whole(l.at.Sub(begin).Seconds()), mebi(l.m["process_resident_memory_bytes"]), mebi(l.m["go_memstats_heap_inuse_bytes"]),
			whole(l.m["go_goroutines"]), whole(l.m["flexbeam_open_tasks"]), whole(tasks), ratio(l.m.sum("flexbeam_state_bytes", tasksKind), tasks),
			whole(agents), ratio(l.m.sum("flexbeam_state_bytes", agentsKind), agents), mebi(l.m["flexbeam_state_log_bytes"]), mebi(l.m["flexbeam_state_log_live_bytes"])})
	}
	show(table.Row{"s", "RSS MiB", "Go heap MiB", "goroutines", "open tasks", "tasks held", "bytes/task", "agents", "bytes/agent", "log MiB", "live MiB"}, rows...)
	late := st.looks[len(st.looks)/3:]
	rss := slope(late, func(m sample) float64 { return m["process_resident_memory_bytes"] })
	heap := slope(late, func(m sample) float64 { return m["go_memstats_heap_inuse_bytes"] })
	held := slope(late, func(m sample) float64 { return m.sum("flexbeam_state_keys", tasksKind) })
	fmt.Printf("last two thirds: RSS %+.1f MiB/h, Go heap %+.1f MiB/h, tasks held %+.0f/h\n", rss/(1<<20), heap/(1<<20), held)
}

// slope returns how much a value grows in an hour, by the line of least squares.
func slope(looks []look, value func(sample) float64) float64 {
	var t, v, tt, tv float64
	n := float64(len(looks))
	for _, l := range looks {
		x, y := l.at.Sub(looks[0].at).Hours(), value(l.m)
		t, v, tt, tv = t+x, v+y, tt+x*x, tv+x*y
	}
	if d := n*tt - t*t; d != 0 {
		return (n*tv - t*v) / d
	}
	return 0
}
