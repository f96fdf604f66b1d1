package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"flexbeam/internal/console"
	"flexbeam/simulate"
	"flexbeam/simulate/send"
)

// A speed is a multiple of real time; 0 is as fast as possible.
type speed float64

// String implements pflag.Value.
func (s *speed) String() string {
	if *s == 0 {
		return "max"
	}
	return strconv.FormatFloat(float64(*s), 'g', -1, 64)
}

// Type implements pflag.Value.
func (*speed) Type() string { return "N|max" }

// Set implements pflag.Value.
func (s *speed) Set(text string) error {
	if text == "max" {
		*s = 0
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0) || math.IsInf(v, 0) {
		return errors.New("write a number above 0, such as 60, or max")
	}
	*s = speed(v)
	return nil
}

// startOf returns when a history must begin so that it ends at the moment at which sending ends. At a
// speed below real time it begins now: otherwise events would be sent before they happen.
func startOf(now time.Time, hours, speed float64) time.Time {
	sending := 0.0
	if speed > 0 {
		sending = hours / speed
	}
	return now.Add(time.Duration(min(sending-hours, 0) * float64(time.Hour))).UTC().Truncate(time.Millisecond)
}

// simulateTo draws the history of a config and sends it to a stream.
func (a *app) simulateTo(cmd *cobra.Command, c simulate.Config, to string, speed float64, kind console.Kind) error {
	flags := cmd.Flags()
	if flags.Changed("out") {
		return usagef("--out and --to exclude each other: the records go to a file or to a stream")
	}
	target, err := send.ParseTarget(to)
	if err != nil {
		return usagef("--to: %w", err)
	}
	if !flags.Changed("form") {
		c.Form = simulate.String
	}
	if err := validate(c); err != nil {
		return err
	}
	if !flags.Changed("start") {
		if c.Events > 0 {
			return usagef("--events with --to needs --start, since nobody knows how long so many events take; or choose --hours and --tasks")
		}
		c.Start = startOf(time.Now(), c.Hours, speed)
	}
	client, err := send.Open(cmd.Context(), target)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	stream := cmp.Or(target.ARN, target.Name)
	if err := send.Look(cmd.Context(), client, stream); err != nil {
		return err
	}
	sender := send.New(client, stream, send.Options{Speed: speed})
	progress := console.Start(a.screen, a.progressKind(kind), func() console.Work { return sendingWork(c, sender.Progress()) })
	defer progress.Stop()
	sum, err := sender.Send(cmd.Context(), c)
	progress.Stop()
	var failure *send.Error
	switch {
	case errors.Is(err, errInterrupted):
		return fmt.Errorf("%w after %s: stream %s has %s records of the history; to send all of it, run the same command again with --start %s",
			context.Cause(cmd.Context()), console.Duration(sum.Elapsed), stream, console.Number(sum.Sent), c.Start.Format(time.RFC3339Nano))
	case errors.As(err, &failure):
		return failure
	case err != nil:
		return err
	}
	a.summarizeSending(c, to, stream, sum)
	return nil
}

// sendingWork tells how much of a history is sent.
func sendingWork(c simulate.Config, p send.Progress) console.Work {
	w := console.Work{Phase: "sending", Bytes: p.Bytes, Events: p.Sent}
	switch {
	case c.Events > 0:
		w.Share = min(1, float64(p.Sent)/float64(c.Events))
	case !p.Arrival.IsZero():
		w.Share = min(1, max(0, p.Arrival.Sub(c.Start).Hours()/c.Hours))
	}
	return w
}

// summarizeSending says what was sent: as lines, or as one log line where logs are JSON.
func (a *app) summarizeSending(c simulate.Config, to, stream string, s send.Summary) {
	perSecond := int64(float64(s.Sent) / s.Elapsed.Seconds())
	if a.logFormat.value == "json" {
		newLogger(a.screen, "info", "json").Info("simulation sent", "stream", stream, "start", c.Start, "records", s.Sent, "events", s.Drawn.Events,
			"tasks", s.Drawn.Tasks, "duplicates", s.Drawn.Duplicates, "lost", s.Drawn.Lost, "broken", s.Drawn.Dirty, "joined", s.Drawn.Joined, "bytes", s.Bytes, "calls", s.Calls,
			"retries", s.Retries, "behind_seconds", s.Behind.Seconds(), "elapsed_seconds", s.Elapsed.Seconds(), "records_per_second", perSecond)
		return
	}
	fmt.Fprintf(a.screen, "stream %s: %s events of %s tasks in %s records, %s, in %s (%s records/s)%s", stream, console.Number(s.Drawn.Events),
		console.Number(s.Drawn.Tasks), console.Number(s.Sent), console.Bytes(s.Bytes), console.Duration(s.Elapsed), console.Number(perSecond), imperfections(s.Drawn))
	if s.Retries > 0 {
		fmt.Fprintf(a.screen, ", %s retries", console.Number(s.Retries))
	}
	fmt.Fprintln(a.screen)
	if s.Behind > time.Second {
		fmt.Fprintf(a.screen, "up to %s late: the stream or this machine is slower than --speed asks for\n", console.Duration(s.Behind))
	}
	fmt.Fprintf(a.screen, "the same again: --start %s\n", c.Start.Format(time.RFC3339Nano))
	fmt.Fprintf(a.screen, "next: flexbeam run --source %s --sink duckdb:calls.duckdb\n", quoteArg(to))
}
