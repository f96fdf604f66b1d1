package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"flexbeam/internal/console"
	"flexbeam/simulate"
)

const simulateLong = `Draw the TaskRouter events of an invented contact centre, one record a line. The same flags give the same bytes.

With --to the records go to a Kinesis stream instead, each when its time has come, at --speed times real time. Options behind the stream's name or ARN:
region, endpoint (of a server other than AWS), role_arn and external_id (to write as another role). Credentials are those that AWS programs find. Without
--start, the history is placed in time so that its last moment is the one at which sending ends. The form is string, that of Event Streams, unless --form says
otherwise. What a stream refuses for the moment is sent again.

`

const simulateExample = `  flexbeam simulate --tasks 2000 --out day.ndjson.gz
  flexbeam simulate --events 1000000 --agents 300 --form string --out million.ndjson.zst
  flexbeam simulate --hours 72 --accounts 3 --form mixed --disorder 10m --duplicates 0.02 --dirty 0.001 > rough.ndjson
  flexbeam simulate --tasks 2000 --to 'kinesis:twilio-events?region=eu-west-1' --speed 60 --disorder 2m --duplicates 0.02
  flexbeam simulate --tasks 2000 --to 'kinesis:demo?endpoint=http://127.0.0.1:4567' --speed max`

func newSimulate(a *app) *cobra.Command {
	c := simulate.DefaultConfig()
	start, out, to := "", "", ""
	speed := speed(1)
	form := newChoice(string(c.Form), string(simulate.Object), string(simulate.String), string(simulate.REST), string(simulate.Webhook), string(simulate.Mixed))
	progress := newProgressChoice()
	cmd := &cobra.Command{
		Use:     "simulate",
		Short:   "Draw the events of an invented contact centre",
		Long:    simulateLong + simulate.Describe(),
		Example: simulateExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if cmd.Flags().Changed("start") {
				if ago, e := time.ParseDuration(start); e == nil && ago > 0 {
					c.Start = time.Now().UTC().Add(-ago)
				} else if c.Start, err = parseTime("start", start); err != nil {
					return err
				}
			}
			c.Form = simulate.Form(form.value)
			if to != "" {
				return a.simulateTo(cmd, c, to, float64(speed), console.Kind(progress.value))
			}
			if cmd.Flags().Changed("speed") {
				return usagef("--speed is for streams: name one with --to")
			}
			if err := validate(c); err != nil {
				return err
			}
			if err := checkEnding(out); err != nil {
				return err
			}
			return a.simulate(cmd.Context(), c, out, console.Kind(progress.value))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Uint64Var(&c.Seed, "seed", c.Seed, "seed of all draws")
	flags.StringVar(&start, "start", c.Start.Format(time.RFC3339), "first moment of the history: a `TIME` in ISO 8601 or epoch, now, or 96h for so long ago")
	flags.Float64Var(&c.Hours, "hours", c.Hours, "length of the history; without effect beside --events")
	flags.IntVar(&c.Agents, "agents", c.Agents, "agents over all accounts (default as many as the tasks need)")
	flags.IntVar(&c.Tasks, "tasks", c.Tasks, "contacts that arrive; without effect beside --events")
	flags.IntVar(&c.Accounts, "accounts", c.Accounts, "accounts (Flex instances)")
	flags.IntVar(&c.Events, "events", c.Events, "draw exactly this many distinct events, as many days as they take")
	form.add(cmd, false, "form", "how a record wraps an event")
	flags.DurationVar(&c.Disorder, "disorder", c.Disorder, "longest delay of a record, such as 10m; output is in order of arrival")
	flags.Float64Var(&c.Duplicates, "duplicates", c.Duplicates, "share of events that come again, 0 to 1")
	flags.Float64Var(&c.Losses, "losses", c.Losses, "share of events that never come, 0 to 1")
	flags.Float64Var(&c.Partial, "partial", c.Partial, "share of tasks of which task-queue.* and reservation.rescinded never come, 0 to 1")
	flags.Float64Var(&c.Dirty, "dirty", c.Dirty, "broken records added for each event, 0 to 1")
	flags.Float64Var(&c.Joined, "joined", c.Joined, "share of records that stand on the line of the one before, 0 to 1")
	flags.StringVar(&out, "out", "-", "`FILE` to write; the endings .gz and .zst compress; - is standard output")
	flags.StringVar(&to, "to", "", "Kinesis stream to send to instead, kinesis:STREAM with options as a `URI`")
	flags.Var(&speed, "speed", "with --to, how many times faster than real time; 0 or max is as fast as possible")
	progress.add(cmd, false, "progress", "how progress is shown; auto is bar on a terminal, plain elsewhere")
	completeNothing(cmd, "seed", "start", "hours", "agents", "tasks", "accounts", "events", "disorder", "duplicates", "losses", "partial", "dirty", "joined", "to", "speed")
	return cmd
}

// validate checks a config as the flags have filled it.
func validate(c simulate.Config) error {
	if err := c.Validate(); err != nil {
		return usagef("--%s", strings.TrimPrefix(err.Error(), "simulate: "))
	}
	return nil
}

// simulate draws the history of a config into a file or to standard output.
func (a *app) simulate(ctx context.Context, c simulate.Config, out string, kind console.Kind) (err error) {
	f, err := create(out, a.stdout)
	if err != nil {
		return fmt.Errorf("--out: cannot write %s: %w", out, cause(err))
	}
	var drawn tally
	begin := time.Now()
	progress := console.Start(a.screen, a.progressKind(kind), func() console.Work { return drawn.work(c) })
	defer progress.Stop()
	stats, err := simulate.Write(ctx, c, io.MultiWriter(&drawn, f))
	if closing := f.Close(); err == nil && closing != nil {
		err = closing
	}
	progress.Stop()
	elapsed := time.Since(begin)
	name := "standard output"
	if out != "-" {
		name = out
	}
	switch {
	case errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), errInterrupted):
		return fmt.Errorf("%w after %s: %s has the first %s records only; run the same command again for all", context.Cause(ctx), console.Duration(elapsed), name, console.Number(stats.Records))
	case err != nil:
		return fmt.Errorf("cannot write %s: %w", name, cause(err))
	}
	fmt.Fprintf(a.screen, "%s: %s events of %s tasks in %s records, %s, in %s (%s events/s)", name, console.Number(stats.Events), console.Number(stats.Tasks),
		console.Number(stats.Records), console.Bytes(stats.Bytes), console.Duration(elapsed), console.Number(int64(float64(stats.Events)/elapsed.Seconds())))
	fmt.Fprintln(a.screen, imperfections(stats))
	if out != "-" {
		fmt.Fprintf(a.screen, "next: flexbeam run --source %s --sink duckdb:calls.duckdb\n", quoteArg("file:"+out))
	}
	return nil
}

// imperfections lists duplicates, losses and broken records, each with a comma before it.
func imperfections(stats simulate.Stats) string {
	var b strings.Builder
	for _, n := range []struct {
		count int64
		name  string
	}{{stats.Duplicates, "duplicates"}, {stats.Lost, "lost"}, {stats.Dirty, "broken"}, {stats.Joined, "joined"}} {
		if n.count > 0 {
			fmt.Fprintf(&b, ", %s %s", console.Number(n.count), n.name)
		}
	}
	return b.String()
}

// A tally counts the bytes that are written through it.
type tally struct{ bytes, lines atomic.Int64 }

// Write implements io.Writer.
func (t *tally) Write(p []byte) (int, error) {
	n := int64(0)
	for _, c := range p {
		if c == '\n' {
			n++
		}
	}
	t.bytes.Add(int64(len(p)))
	t.lines.Add(n)
	return len(p), nil
}

func (t *tally) work(c simulate.Config) console.Work {
	w := console.Work{Phase: "drawing", Share: -1, Bytes: t.bytes.Load(), Events: t.lines.Load()}
	if c.Events > 0 {
		w.Share = min(1, float64(w.Events)/float64(c.Events))
	}
	return w
}
