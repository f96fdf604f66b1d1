package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"flexbeam/runners/flink"
)

// settings are what the flags say.
type settings struct {
	self, program, worker string
	dir                   string
	events, rate          int
	checkpoints           time.Duration
	soak                  time.Duration
	only                  string
	parallelism           []int
	bundleSize            int
	bundleTime            time.Duration
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		exit(serve())
	}
	s := settings{self: os.Args[0]}
	minutes := flag.Float64("minutes", 0, "how long memory is watched; 0: not at all")
	flag.IntVar(&s.events, "events", 100000, "events that wait")
	flag.IntVar(&s.rate, "rate", 200, "events a second while a TaskManager is killed, and while memory is watched")
	flag.DurationVar(&s.checkpoints, "checkpoint-every", 10*time.Second, "time between two checkpoints")
	usual := flink.NewOptions()
	flag.IntVar(&s.bundleSize, "bundle-size", usual.BundleSize, "elements of a bundle, at most")
	flag.DurationVar(&s.bundleTime, "bundle-time", usual.BundleTime, "time that a bundle takes, at most")
	parallelism := flag.String("parallelism", "1,2", "of the jobs that catch up, by commas")
	flag.StringVar(&s.only, "only", "", "one of catch-up, recovery, soak")
	flag.StringVar(&s.dir, "dir", ".cache/bench-flink", "where the cluster has its files")
	flag.StringVar(&s.program, "program", "bin/flexbeam", "the program to measure")
	flag.StringVar(&s.worker, "worker", "bin/flexbeam-worker", "its worker")
	flag.Parse()
	s.soak = time.Duration(*minutes * float64(time.Minute))
	for n := range strings.SplitSeq(*parallelism, ",") {
		p, err := strconv.Atoi(n)
		if err != nil || p < 1 {
			exit(fmt.Errorf("-parallelism %s: write numbers such as 1,2", *parallelism))
		}
		s.parallelism = append(s.parallelism, p)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, s))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/flink:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, s settings) error {
	w, err := build(ctx, s)
	defer w.close()
	if err != nil {
		return err
	}
	parts := []struct {
		name    string
		measure func(context.Context) error
	}{{"catch-up", w.catchUp}, {"recovery", w.recovery}, {"soak", w.memory}}
	found := false
	for _, p := range parts {
		if s.only != "" && s.only != p.name || p.name == "soak" && s.soak == 0 {
			continue
		}
		found = true
		fmt.Printf("\n%s (load average %s)\n", p.name, loadAverage())
		if err := p.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if !found {
		return fmt.Errorf("-only %q: choose catch-up, recovery, or soak with -minutes", s.only)
	}
	return nil
}
