package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// settings are what the flags say.
type settings struct {
	events int64
	day    time.Duration
	rounds int
	disks  []string
	dir    string
	root   string
	child  string
}

func main() {
	var s settings
	flag.Int64Var(&s.events, "events", 1_000_000, "events of the stream")
	flag.DurationVar(&s.day, "day", 1000*time.Second, "stream time that stands for a day")
	flag.IntVar(&s.rounds, "rounds", 3, "how often each is measured")
	disks := flag.String("disks", "none,log,pebble,bbolt", "what is measured")
	flag.StringVar(&s.dir, "dir", ".cache/bench-state", "where the state is kept")
	flag.StringVar(&s.root, "root", ".", "the repository, to count lines in")
	flag.StringVar(&s.child, "child", "", "what a process of the measurement does; for itself")
	flag.Parse()
	s.disks = strings.Split(*disks, ",")
	for _, d := range s.disks {
		if opens[d] == nil {
			exit(fmt.Errorf("-disks: %q is none of none, log, pebble, bbolt", d))
		}
	}
	if s.child != "" {
		exit(s.asChild())
	}
	exit(s.measure())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/state:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// asChild is one process of the measurement.
func (s settings) asChild() error {
	do := write
	if s.child == "start" {
		do = start
	}
	r, err := do(s, s.disks[0], s.dir)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// figures are the results of one Disk, of each round.
type figures struct{ write, start, cold []result }

func (s settings) measure() error {
	fmt.Printf("%d events, %d a second of stream time, %d rounds; %v stand for a day: 1/%.0f\n", s.events, rate, s.rounds, s.day, 24*time.Hour.Seconds()/s.day.Seconds())
	all := map[string]*figures{}
	for round := range s.rounds {
		fmt.Printf("round %d of %d, load average %s\n", round+1, s.rounds, loadAverage())
		for i := range s.disks {
			disk := s.disks[(i+round)%len(s.disks)]
			if all[disk] == nil {
				all[disk] = &figures{}
			}
			if err := s.once(disk, all[disk]); err != nil {
				return err
			}
		}
	}
	s.show(all)
	return nil
}

// once measures one Disk in one round.
func (s settings) once(disk string, f *figures) error {
	dir := filepath.Join(s.dir, disk)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	w, err := child(s, "write", disk, dir)
	if err != nil {
		return err
	}
	f.write = append(f.write, w)
	if disk == "none" {
		return nil
	}
	for _, into := range []*[]result{&f.start, &f.cold} {
		if into == &f.cold {
			if err := evict(dir); err != nil {
				return err
			}
		}
		r, err := child(s, "start", disk, dir)
		if err != nil {
			return err
		}
		if r.Held != w.Held {
			return fmt.Errorf("%s: after a start there are (tasks, bytes, spilled, tombstones) %v instead of %v", disk, r.Held, w.Held)
		}
		*into = append(*into, r)
	}
	return nil
}

// median returns the median of what f returns of results.
func median(all []result, f func(result) float64) float64 {
	var v []float64
	for _, r := range all {
		v = append(v, f(r))
	}
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func (s settings) show(all map[string]*figures) {
	cpu := func(r result) float64 { return 1e6 * r.CPU / float64(r.Events) }
	caller := 0.0
	if f := all["none"]; f != nil {
		caller = median(f.write, cpu)
	}
	mib := func(f func(result) int64) func(result) float64 {
		return func(r result) float64 { return float64(f(r)) / (1 << 20) }
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tCPU us/event\tless the caller's\tflush p50 ms\tp99 ms\tmost ms\tpeak MiB\tend MiB\twritten MiB\tsnapshots\tstart s\tCPU s\tcold s\tmemory MiB\tlines\t")
	for _, disk := range s.disks {
		f := all[disk]
		row := []any{disk, median(f.write, cpu), median(f.write, cpu) - caller}
		for i := range 3 {
			row = append(row, median(f.write, func(r result) float64 { return 1000 * r.Flush[i] }))
		}
		row = append(row,
			median(f.write, mib(func(r result) int64 { return r.Peak })), median(f.write, mib(func(r result) int64 { return r.End })),
			median(f.write, mib(func(r result) int64 { return r.Written })), median(f.write, func(r result) float64 { return float64(r.Snapshots) }),
			median(f.start, func(r result) float64 { return r.Wall }), median(f.start, func(r result) float64 { return r.CPU }),
			median(f.cold, func(r result) float64 { return r.Wall }), median(f.write, mib(func(r result) int64 { return r.Memory })), lines(s.root, disk))
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.1f\t%.1f\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%.0f\t%d\t\n", row...)
	}
	w.Flush()
	h := all[s.disks[0]].write[0].Held
	fmt.Printf("in the end: %d open tasks with %d bytes, %d spilled ones, %d tombstones\n", h[0], h[1], h[2], h[3])
}

// loadAverage returns the machine's load average, where it is told.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}
