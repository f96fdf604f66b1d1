package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

// settings are what the flags say.
type settings struct {
	dir, program string
	events       int
	rates        []int
	step         time.Duration // of a rate
	slow         int           // events a second of the latency at low load and of memory
	latency      time.Duration // how long latency is measured at half of the sustained rate
	steady       time.Duration // how long it is measured at the low rate, and memory
	past         time.Duration // of the low rate: how long contacts came before
	warm         time.Duration // before measuring at the low rate
	only         string
	sink         string // URI; empty: a DuckDB file
	stateProgram string
	stateFlags   []string
}

func main() {
	var s settings
	rates := flag.String("rates", "1000,2000,4000,6000,8000,10000,12500,15000,20000", "events a second of the steps")
	minutes := flag.Float64("minutes", 15, "how long memory and latency are measured at the low rate")
	quick := flag.Bool("quick", false, "short steps, 112000 events after the outage, and two minutes at the low rate, where not said otherwise")
	flag.IntVar(&s.events, "events", 400000, "events that wait after the outage")
	flag.IntVar(&s.slow, "slow", 500, "events a second of the low rate")
	flag.DurationVar(&s.step, "step", 30*time.Second, "how long a rate is held")
	flag.StringVar(&s.only, "only", "", "one of state, catch-up, sustained, latency (at half of the first rate), memory; all of these unless set; or sender")
	flag.StringVar(&s.sink, "sink", "", "URI of a sink other than a DuckDB file, for latency and memory: there is no reader of copies then")
	flag.StringVar(&s.dir, "dir", ".cache/bench-stream", "where outputs are kept")
	flag.StringVar(&s.program, "program", "bin/flexbeam", "the program to measure")
	flag.StringVar(&s.stateProgram, "state-program", "bin/bench-state", "the program that compares places for the state")
	flag.Parse()
	s.latency, s.past, s.warm = time.Minute, 30*time.Minute, 5*time.Minute
	if *quick {
		set := map[string]bool{}
		flag.Visit(func(f *flag.Flag) { set[f.Name] = true })
		for name, value := range map[string]string{"step": "16s", "minutes": "2", "events": "112000"} {
			if !set[name] {
				flag.Set(name, value)
			}
		}
		s.latency, s.past, s.warm = 30*time.Second, 10*time.Minute, 30*time.Second
		s.stateFlags = []string{"-events", "200000", "-day", "200s", "-rounds", "1"}
	}
	s.steady = time.Duration(*minutes * float64(time.Minute))
	for _, r := range strings.Split(*rates, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(r))
		if err != nil || n <= 0 {
			exit(fmt.Errorf("-rates: %q is no number of events", r))
		}
		s.rates = append(s.rates, n)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(run(ctx, s))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/stream:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, s settings) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	best := s.rates[0]
	parts := []struct {
		name    string
		measure func() error
	}{
		{"state", func() error { return state(ctx, s) }},
		{"catch-up", func() error { return catchUp(ctx, s) }},
		{"sustained", func() (err error) {
			best, err = sustained(ctx, s)
			return err
		}},
		{"latency", func() error { return latency(ctx, s, best/2) }},
		{"memory", func() error { return memory(ctx, s) }},
	}
	if s.only == "sender" {
		return alone(ctx, s)
	}
	found := false
	for _, p := range parts {
		if s.only != "" && s.only != p.name {
			continue
		}
		found = true
		fmt.Printf("\n%s (load average %s)\n", p.name, loadAverage())
		if err := p.measure(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if !found {
		return fmt.Errorf("-only: %q is none of state, catch-up, sustained, latency, memory, sender", s.only)
	}
	return nil
}

// loadAverage returns the machine's load average, where it is told.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:min(3, len(strings.Fields(string(b))))], " ")
}
