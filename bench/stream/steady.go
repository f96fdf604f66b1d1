package main

import (
	"context"
	"fmt"
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
	st := steady{rate: s.slow, warm: s.warm, measured: s.steady, past: s.past, reads: s.sink == ""}
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
	warm     time.Duration // before measuring, at least
	measured time.Duration
	past     time.Duration // how long contacts came before
	reads    bool          // with a reader

	looks  []look
	late   time.Duration // how late a record was sent at most
	behind string        // why the job was not measured while it kept up, if so
	reader *reader
}

// A look is what was seen at a time.
type look struct {
	at     time.Time
	m      sample
	sent   int64
	own    float64 // processor time of this process, in seconds
	mapped float64 // resident bytes of the job's files
}

const (
	lookEvery = 5 * time.Second  // how often metrics are read
	catchMost = time.Minute      // how long a job may take for the past, beside the time of warming up
	keepsUp   = 5 * time.Second  // a job that keeps up has folded what was due so long ago; two to three seconds are usual
	inARow    = 10 * time.Second // measuring starts when it has kept up for so long
)

func (st *steady) run(ctx context.Context, s settings, name string) error {
	p, begin, err := load{rate: st.rate, past: st.past, live: st.warm + catchMost + st.measured}.draw(ctx, s.dir)
	if err != nil {
		return err
	}
	defer p.close()
	server, err := serve(remembered)
	if err != nil {
		return err
	}
	defer server.Close()
	j, err := start(ctx, s, server, name)
	if err != nil {
		return err
	}
	defer j.cmd.Process.Kill()
	if err := j.pause(ctx, time.Until(begin)); err != nil {
		return err
	}
	var t tally
	sending, enough := context.WithCancel(ctx)
	defer enough()
	ended := make(chan error, 1)
	go func() { ended <- p.send(sending, server, begin, &t) }()
	if err := st.catchUp(ctx, j, p, begin); err != nil {
		return err
	}
	if err := st.measure(ctx, j, &t); err != nil {
		return err
	}
	enough()
	if err := <-ended; err != nil {
		return err
	}
	err = j.await(ctx, 5*time.Minute, func() (bool, error) {
		m, err := j.metrics()
		return err == nil && m.folded() >= int(t.sent.Load()), err
	})
	if err != nil {
		return err
	}
	return j.stop()
}

// catchUp waits until the job has taken the past and keeps up with what happens.
func (st *steady) catchUp(ctx context.Context, j *job, p *plan, begin time.Time) error {
	var since time.Time
	for {
		m, err := j.metrics()
		if err != nil {
			return err
		}
		now := time.Now()
		if behind := p.due(now.Sub(begin)-keepsUp) - m.folded(); behind > 0 || now.Sub(begin) < keepsUp {
			since = time.Time{}
		} else if since.IsZero() {
			since = now
		}
		switch {
		case !since.IsZero() && now.Sub(since) >= inARow && now.Sub(begin) >= st.warm:
			return nil
		case now.Sub(begin) >= st.warm+catchMost:
			st.behind = fmt.Sprintf("invalid: %d events behind after %v", p.due(now.Sub(begin))-m.folded(), st.warm+catchMost)
			return nil
		}
		if err := j.pause(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
}

// measure looks from time to time.
func (st *steady) measure(ctx context.Context, j *job, t *tally) error {
	see := func() error {
		m, err := j.metrics()
		st.looks = append(st.looks, look{time.Now(), m, t.sent.Load(), ownCPU(), j.mapped()})
		return err
	}
	if st.reads {
		st.reader = newReader(j.file)
		defer st.reader.close()
	}
	t.latest()
	until := time.Now().Add(st.measured)
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
		if err := j.pause(ctx, min(lookEvery, time.Until(until))); err != nil {
			return err
		}
	}
	st.late = t.latest()
	return see()
}

// latencies prints how long it took until rows were visible.
func (st *steady) latencies() {
	a, b := st.looks[0], st.looks[len(st.looks)-1]
	d := b.at.Sub(a.at).Seconds()
	sent := float64(b.sent-a.sent) / d
	verdict := enough(sent, st.rate)
	valid := verdict == keeps && st.behind == ""
	if st.behind != "" {
		verdict = st.behind
	}
	show(table.Row{"wanted events/s", "sent/s", "late ms, at most", "rows/s", "CPU s/s", "sender, server, reader CPU s/s", ""},
		table.Row{st.rate, whole(sent), st.late.Milliseconds(), whole((b.m.upserts() - a.m.upserts()) / d), seconds((b.m.cpu() - a.m.cpu()) / d), seconds((b.own - a.own) / d), verdict})
	if !valid {
		fmt.Println("no latency is told: the load was not the one that was wanted")
		return
	}
	var rows []table.Row
	for _, name := range []string{"flexbeam_latency_seconds", "flexbeam_flush_duration_seconds"} {
		rows = append(rows, table.Row{name, seconds(b.m.quantile(name, a.m, 0.5)), seconds(b.m.quantile(name, a.m, 0.99)), whole(b.m[name+"_count"] - a.m[name+"_count"])})
	}
	if st.reader != nil {
		p50, p99 := st.reader.quantiles()
		rows = append(rows, table.Row{"a reader of copies", seconds(p50), seconds(p99), len(st.reader.latencies)})
	}
	show(table.Row{"measured by", "p50 s", "p99 s", "samples"}, rows...)
}

const (
	tasksKind  = `kind="task"`
	agentsKind = `kind="agent"`
)

func (l look) tasks() float64  { return l.m.sum("flexbeam_state_keys", tasksKind) }
func (l look) agents() float64 { return l.m.sum("flexbeam_state_keys", agentsKind) }

// A part is one of the parts of a job's resident memory, in bytes.
type part struct {
	name string
	of   func(look) float64
}

// parts are the resident memory and what it consists of. Go's is what its runtime has and has not
// given back; what is neither Go's nor of files was allocated by C and C++, which is DuckDB.
var parts = []part{
	{"RSS", func(l look) float64 { return l.m["process_resident_memory_bytes"] }},
	{"Go", func(l look) float64 { return l.m.goes() }},
	{"Go heap in use", func(l look) float64 { return l.m["go_memstats_heap_inuse_bytes"] }},
	{"DuckDB", func(l look) float64 { return l.m["process_resident_memory_bytes"] - l.m.goes() - l.mapped }},
	{"files", func(l look) float64 { return l.mapped }},
}

// sizes prints memory and state over the time.
func (st *steady) sizes() {
	header := table.Row{"s"}
	for _, p := range parts {
		header = append(header, p.name+" MiB")
	}
	header = append(header, "goroutines", "open tasks", "tasks held", "bytes/task", "agents", "bytes/agent", "log MiB", "live MiB")
	var rows []table.Row
	begin := st.looks[0].at
	for i := range 7 {
		l := st.looks[i*(len(st.looks)-1)/6]
		row := table.Row{whole(l.at.Sub(begin).Seconds())}
		for _, p := range parts {
			row = append(row, mebi(p.of(l)))
		}
		rows = append(rows, append(row, whole(l.m["go_goroutines"]), whole(l.m["flexbeam_open_tasks"]), whole(l.tasks()), ratio(l.m.sum("flexbeam_state_bytes", tasksKind), l.tasks()),
			whole(l.agents()), ratio(l.m.sum("flexbeam_state_bytes", agentsKind), l.agents()), mebi(l.m["flexbeam_state_log_bytes"]), mebi(l.m["flexbeam_state_log_live_bytes"])))
	}
	show(header, rows...)
	late := st.looks[len(st.looks)/3:]
	held := slope(late, look.tasks)
	fmt.Printf("last two thirds: %+.0f tasks held an hour\n", held)
	rows = nil
	for _, p := range parts {
		grows := slope(late, p.of)
		rows = append(rows, table.Row{p.name, fmt.Sprintf("%+.1f", grows/(1<<20)), fmt.Sprintf("%+.2f", grows/held/1000)})
	}
	show(table.Row{"grows by", "MiB/h", "kB per task held"}, rows...)
}

// slope returns how much a value grows in an hour, by the line of least squares.
func slope(looks []look, value func(look) float64) float64 {
	var t, v, tt, tv float64
	n := float64(len(looks))
	for _, l := range looks {
		x, y := l.at.Sub(looks[0].at).Hours(), value(l)
		t, v, tt, tv = t+x, v+y, tt+x*x, tv+x*y
	}
	if d := n*tt - t*t; d != 0 {
		return (n*tv - t*v) / d
	}
	return 0
}
