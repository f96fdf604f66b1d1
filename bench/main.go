package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"flexbeam/simulate"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "sql" {
		exit(baseline(context.Background(), os.Args[2], os.Args[3]))
	}
	events := flag.String("events", "100000,1000000,3000000", "numbers of events, the first one small: it tells the cost of starting up")
	streamMax := flag.Int("stream-max", 1000000, "the largest input for stream mode")
	rounds := flag.Int("rounds", 1, "how often every configuration is run; the best of each counts")
	dir := flag.String("dir", ".cache/bench", "where inputs and outputs are kept")
	program := flag.String("program", "bin/flexbeam", "the program to measure")
	flag.Parse()
	exit(run(*events, *streamMax, *rounds, *dir, *program))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(events string, streamMax, rounds int, dir, program string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var inputs []input
	for _, s := range strings.Split(events, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return fmt.Errorf("-events: %w", err)
		}
		in, err := prepare(dir, n)
		if err != nil {
			return err
		}
		inputs = append(inputs, in)
	}
	best := map[cell]figure{}
	for round := range rounds {
		for _, in := range inputs {
			var rows string
			for _, c := range configurations {
				if c.stream && in.events > streamMax {
					continue
				}
				f, err := c.measure(program, dir, in)
				if err != nil {
					return fmt.Errorf("%s on %d events: %w", c.name, in.events, err)
				}
				if rows == "" {
					rows = f.rows
				}
				if f.rows != rows {
					return fmt.Errorf("%s on %d events made %s engagements, the first configuration %s", c.name, in.events, f.rows, rows)
				}
				fmt.Fprintf(os.Stderr, "round %d: %8d events, %-16s %6.2f s\n", round+1, in.events, c.name, f.wall.Seconds())
				k := cell{c.name, in.events}
				if old, ok := best[k]; !ok || f.wall < old.wall {
					best[k] = f
				}
			}
		}
	}
	report(os.Stdout, inputs, best)
	return decoder(os.Stdout, inputs[0].path)
}

// An input is a file of simulated records.
type input struct {
	path   string
	events int
	bytes  int64
}

// prepare simulates an input unless it is there.
func prepare(dir string, n int) (input, error) {
	in := input{path: filepath.Join(dir, fmt.Sprintf("events-%d.ndjson", n)), events: n}
	if st, err := os.Stat(in.path); err == nil {
		in.bytes = st.Size()
		return in, nil
	}
	c := simulate.DefaultConfig()
	c.Seed, c.Events = 1, n
	tmp := in.path + ".part"
	f, err := os.Create(tmp)
	if err != nil {
		return in, err
	}
	defer f.Close()
	stats, err := simulate.Write(context.Background(), c, f)
	if err != nil {
		return in, err
	}
	if err := f.Close(); err != nil {
		return in, err
	}
	in.bytes = stats.Bytes
	return in, os.Rename(tmp, in.path)
}
