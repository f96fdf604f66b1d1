package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/sink/bigquery"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
)

// The least figures that the sink is wanted to have.
const (
	wantRatio = 0.7
	wantRows  = 30000
)

var errSlow = errors.New("the sink is slower than wanted")

func main() {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		exit(serve(os.Args[2]))
	}
	if len(os.Args) > 3 && os.Args[1] == "start" {
		exit(start(context.Background(), os.Args[2], os.Args[3]))
	}
	rows := flag.Int("rows", 200000, "rows of each run")
	rounds := flag.Int("rounds", 3, "how often both are run; 0: only the backfill")
	filled := flag.Int("backfill", 1_000_000, "rows of the backfill; 0: none")
	profile := flag.String("cpuprofile", "", "file for a profile of the backfill's writer")
	only := flag.String("only", "", "writes or warehouse: only that part")
	engagements := flag.Int("engagements", 5_000_000, "engagements of the warehouse")
	flag.Parse()
	ctx := context.Background()
	var err error
	if *only == "" || *only == "writes" {
		err = run(ctx, os.Stdout, *rows, *rounds, &backfill{rows: *filled, profile: *profile})
	}
	if err == nil && (*only == "" || *only == "warehouse") {
		err = warehouse(ctx, os.Stdout, *engagements)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/bigquery:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A figure is what one run cost.
type figure struct {
	wall, cpu time.Duration
	bytes     int64
}

// measure runs f and tells what it cost this process.
func measure(f func() error) (figure, error) {
	before := cpuTime()
	start := time.Now()
	err := f()
	return figure{wall: time.Since(start), cpu: cpuTime() - before}, err
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func run(ctx context.Context, out io.Writer, rows, rounds int, b *backfill) error {
	var slow error
	if rounds > 0 {
		if slow = served(func(s *service) error { return compare(ctx, out, s, rows, rounds) }); slow != nil && !errors.Is(slow, errSlow) {
			return slow
		}
	}
	if b.rows > 0 {
		if err := served(func(s *service) error { return b.run(ctx, s) }); err != nil {
			return err
		}
		slow = errors.Join(slow, b.report(out))
	}
	return slow
}

// served runs f with a local BigQuery of its own, so that what came before does not weigh on it.
func served(f func(*service) error) error {
	s, err := startService("1GB")
	if err != nil {
		return err
	}
	defer s.stop()
	return f(s)
}

// compare runs the sink and plain appends beside each other.
func compare(ctx context.Context, out io.Writer, service *service, rows, rounds int) error {
	blocks := sinktest.Engagements(rows, 1<<20, 1)
	plain, err := newPlain(blocks)
	if err != nil {
		return err
	}
	best := map[string]figure{}
	for round := range rounds {
		mine, theirs := fmt.Sprintf("sink_%d", round), fmt.Sprintf("plain_%d", round) // both begin with empty tables
		if err := bigquery.Apply(ctx, strings.TrimPrefix(service.uri(theirs), "bigquery:")); err != nil {
			return err
		}
		for _, c := range []struct {
			name string
			run  func() (figure, error)
		}{
			{"sink", func() (figure, error) { return writeSink(ctx, service.uri(mine), blocks) }},
			{"plain appends", func() (figure, error) { return plain.write(ctx, service, theirs) }},
		} {
			f, err := c.run()
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			f.bytes = plain.bytes
			if old, ok := best[c.name]; !ok || f.wall < old.wall {
				best[c.name] = f
			}
		}
	}
	return report(out, rows, best)
}

// writeSink writes blocks with the sink, to the end of a flush.
func writeSink(ctx context.Context, uri string, blocks []change.Block) (figure, error) {
	s, err := sink.Open(ctx, uri, sink.Options{})
	if err != nil {
		return figure{}, err
	}
	f, err := measure(func() error {
		for _, b := range blocks {
			if err := s.Write(ctx, b); err != nil {
				return err
			}
		}
		return s.Flush(ctx)
	})
	return f, errors.Join(err, s.Close(ctx))
}

func report(out io.Writer, rows int, best map[string]figure) error {
	fmt.Fprintf(out, "%-14s %10s %8s %12s\n", "", "rows/s", "MB/s", "CPU us/row")
	rate := func(f figure) float64 { return float64(rows) / f.wall.Seconds() }
	for _, name := range []string{"sink", "plain appends"} {
		f := best[name]
		fmt.Fprintf(out, "%-14s %10.0f %8.1f %12.2f\n", name, rate(f), float64(f.bytes)/1e6/f.wall.Seconds(), float64(f.cpu.Microseconds())/float64(rows))
	}
	s, p := best["sink"], best["plain appends"]
	ratio := rate(s) / rate(p)
	fmt.Fprintf(out, "ratio of rows/s %.2f (wanted %.1f), of CPU %.2f\n", ratio, wantRatio, s.cpu.Seconds()/p.cpu.Seconds())
	if ratio < wantRatio || rate(s) < wantRows {
		return errSlow
	}
	return nil
}
