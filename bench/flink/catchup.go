package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/sink"
	_ "flexbeam/pipeline/sink/bigquery" // counts rows
	"flexbeam/runners/flink/flinkrest"
	"flexbeam/simulate"
)

// outage is how long nobody read.
const outage = 4 * time.Hour

// A figure is what a catch-up took.
type figure struct {
	name      string
	wall      float64 // seconds from the first record that was read until all were folded
	goes      float64 // CPU seconds
	javas     float64
	rows      int64
	last      *flinkrest.Checkpoint
	longest   time.Duration // of the checkpoints
	completed int
}

// catchUp measures how fast jobs take what gathered meanwhile.
func (w *world) catchUp(ctx context.Context) error {
	server, err := newStream()
	if err != nil {
		return err
	}
	defer server.Close()
	sent, tasks := 0, w.events/eventsPerTask
	if err := draw(ctx, time.Now().Add(-outage), outage, tasks, func(r simulate.Record) error {
		sent++
		put(server, r)
		return nil
	}); err != nil {
		return err
	}
	if _, err := w.flinkCatchUp(ctx, server, sent, 2); err != nil { // Java compiles what it runs, as it runs it
		return err
	}
	var all []figure
	for _, parallelism := range w.parallelism {
		f, err := w.flinkCatchUp(ctx, server, sent, parallelism)
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	f, err := w.prismCatchUp(ctx, server, sent)
	if err != nil {
		return err
	}
	out := table.NewWriter()
	out.AppendHeader(table.Row{"job", "events", "s", "events/s", "events/s and core", "CPU s/1k events: Go", "Java", "engagements", "checkpoints", "size", "bytes/task", "longest"})
	for _, f := range append(all, f) {
		if f.rows != all[0].rows {
			err = errors.Join(err, fmt.Errorf("%s has %d engagements, %s has %d", f.name, f.rows, all[0].name, all[0].rows))
		}
		n := float64(sent)
		row := table.Row{f.name, sent, fmt.Sprintf("%.1f", f.wall), fmt.Sprintf("%.0f", n/f.wall), fmt.Sprintf("%.0f", n/(f.goes+f.javas)),
			fmt.Sprintf("%.3f", 1000*f.goes/n), fmt.Sprintf("%.3f", 1000*f.javas/n), f.rows}
		if f.last != nil {
			row = append(row, f.completed, mega(float64(f.last.Bytes)), f.last.Bytes/int64(tasks), f.longest.Round(time.Millisecond))
		}
		out.AppendRow(row)
	}
	fmt.Println(out.Render())
	return err
}

func mega(n float64) string { return fmt.Sprintf("%.1f MB", n/1e6) }

// flinkCatchUp measures a job on the cluster.
func (w *world) flinkCatchUp(ctx context.Context, server *kinesisfake.Server, sent, parallelism int) (f figure, err error) {
	f.name = fmt.Sprint("Flink, parallelism ", parallelism)
	uri := w.sink()
	j, id, err := w.onFlink(ctx, server, uri, parallelism)
	if err != nil {
		return f, err
	}
	defer j.kill()
	p := progress{sent: sent}
	goes, javas := used(w.goes()...).cpu, used(w.javas()...).cpu
	err = j.await(ctx, tellEvery, func() bool {
		_, counted, _ := w.flink.Counters(ctx, id, runtime.Metrics) // it is asked again
		f.see(w.flink.Checkpoints(ctx, id))
		return p.see(counted["records"], counted["distinct_events"]+counted["duplicates"])
	})
	if err != nil {
		return f, err
	}
	f.wall, f.goes, f.javas = p.took(), used(w.goes()...).cpu-goes, used(w.javas()...).cpu-javas
	done := f.completed
	err = j.await(ctx, tellEvery, func() bool { f.see(w.flink.Checkpoints(ctx, id)); return f.completed > done }) // of all of the state
	if err == nil {
		err = j.stop()
	}
	if err == nil {
		f.rows, err = engagements(ctx, uri)
	}
	return f, err
}

// see notes how checkpoints are.
func (f *figure) see(c flinkrest.Checkpoints, err error) {
	if err != nil || c.Last == nil {
		return
	}
	f.last, f.completed, f.longest = c.Last, c.Completed, max(f.longest, c.Last.Took)
}

// progress is when a job read and folded.
type progress struct {
	sent          int
	first, folded time.Time
}

// see notes how many records were read and events folded, and tells whether these are all.
func (p *progress) see(read, folded int64) bool {
	if p.first.IsZero() && read > 0 {
		p.first = time.Now()
	}
	if folded < int64(p.sent) {
		return false
	}
	p.folded = time.Now()
	return true
}

func (p *progress) took() float64 { return p.folded.Sub(p.first).Seconds() }

var served = regexp.MustCompile(`http://\S+/metrics`)

// prismCatchUp measures a job in one process.
func (w *world) prismCatchUp(ctx context.Context, server *kinesisfake.Server, sent int) (f figure, err error) {
	f.name = "Prism, --state"
	uri, state := w.sink(), filepath.Join(w.dir, "state")
	if err := os.RemoveAll(state); err != nil {
		return f, err
	}
	j, err := w.start(server, uri, "--state", state, "--metrics-addr", "127.0.0.1:0")
	if err != nil {
		return f, err
	}
	defer j.kill()
	p := progress{sent: sent}
	err = j.await(ctx, askEvery, func() bool {
		m := metrics(served.FindString(j.log.String()))
		return p.see(m["flexbeam_records_total"], m["flexbeam_distinct_events_total"]+m["flexbeam_duplicates_total"])
	})
	if err != nil {
		return f, err
	}
	f.wall, f.goes = p.took(), used(j.cmd.Process.Pid).cpu
	if err := j.stop(); err != nil {
		return f, err
	}
	f.rows, err = engagements(ctx, uri)
	return f, err
}

// metrics reads counters from a job; none where it does not answer.
func metrics(url string) map[string]int64 {
	m := map[string]int64{}
	resp, err := http.Get(url)
	if err != nil {
		return m
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			m[name] = int64(n)
		}
	}
	return m
}

// engagements returns how many engagements a sink has.
func engagements(ctx context.Context, uri string) (int64, error) {
	out, err := sink.Open(ctx, uri, sink.Options{})
	if err != nil {
		return 0, err
	}
	rows, err := out.Counts(ctx)
	return rows["engagements"], errors.Join(err, out.Close(ctx))
}
