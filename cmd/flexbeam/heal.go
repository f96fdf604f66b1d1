package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"flexbeam/internal/config"
	"flexbeam/internal/console"
	"flexbeam/pipeline"
	"flexbeam/schemas/event"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
)

const healLong = `Find what the tables lack of the last 30 days, and mend it from TaskRouter's REST log.

The log is compared with the sink: how many events each task's rows were made from, and the quarter hours of each agent. A task that lacks
events is folded anew from the log alone, if it began within the log's 30 days and ended more than a day ago; others are listed for a later
run. Of an agent the quarter hours that were over a day ago are written anew where one of them is not right.

Standard output has a line for each task and each agent that lacked something. Run again it finds nothing. With --dry-run nothing is written.

Exit status: 0 nothing is missing any more but what is left for a later run, 1 the command failed, 2 the command line is wrong, 3 --dry-run has
found something to mend.

Give the contact key, hidden activities and reasons of the job that keeps the tables. A DuckDB file or a jsonl: folder serves one process at a
time: end the live job first. On BigQuery it goes on meanwhile. With --config a file
names accounts, sinks and options, as for run. Credentials come from the environment otherwise; see docs/operations.md.`

const healExample = `  flexbeam heal --source taskrouter:WS0123456789abcdef0123456789abcdef --sink duckdb:calls.duckdb --dry-run
  flexbeam heal --source taskrouter:WS0123456789abcdef0123456789abcdef --sink bigquery:my-project.flex --contact-key-file key.txt`

// healFlags are the flags of heal: complete makes options of them.
type healFlags struct {
	rowFlags
	options  pipeline.HealOptions
	config   configFlag
	progress choice
}

// errLacks says that a dry run has found something.
var errLacks = errors.New("events are missing")

func newHeal(a *app) *cobra.Command {
	f := &healFlags{rowFlags: newRowFlags(), progress: newProgressChoice()}
	cmd := &cobra.Command{
		Use:     "heal --source URI --sink URI",
		Short:   "Find what the tables lack, and mend it from TaskRouter's log",
		Long:    healLong,
		Example: healExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := a.configuration(cmd, f.config)
			if err == nil {
				err = located(cmd.Flags(), file, f.complete(cmd, file))
			}
			if err != nil {
				return err
			}
			return located(cmd.Flags(), file, a.heal(cmd.Context(), f.options, console.Kind(f.progress.value)))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o := &f.options
	f.config.add(cmd)
	flags.StringVar(&o.Source, "source", "", "`URI` of the log: taskrouter:WORKSPACE, with the options that run has (required)")
	flags.StringVar(&o.Sink, "sink", "", "`URI` of the tables: duckdb:FILE, jsonl:DIR or bigquery:PROJECT.DATASET (required)")
	flags.BoolVar(&o.DryRun, "dry-run", false, "print what is missing, and write nothing")
	f.key.add(cmd)
	f.rowFlags.add(cmd, &o.Options)
	flags.StringVar(&o.Turns, "turns", "", "transcripts to fetch for tasks that are mended: `missing|all|none`, as for run")
	f.text.add(cmd, false, "turns-text", "where the texts of turns go, as for run")
	flags.StringVar(&o.TextSink, "turns-text-sink", "", "`URI` of the sink of texts, with --turns-text apart")
	f.progress.add(cmd, false, "progress", "how progress is shown; auto is bar on a terminal, plain elsewhere")
	completeNothing(cmd, "source", "sink", "turns", "turns-text-sink")
	return cmd
}

// complete checks the flags and fills the options from them.
func (f *healFlags) complete(cmd *cobra.Command, file *config.File) (err error) {
	o := &f.options
	f.rowFlags.complete(cmd, &o.Options, file)
	switch {
	case o.Source == "":
		return usagef("--source is missing: write such as --source taskrouter:WS0123456789abcdef0123456789abcdef")
	case o.Sink == "":
		return usagef("--sink is missing: write such as --sink duckdb:calls.duckdb")
	}
	if err := thereIs("--sink", o.Sink); err != nil {
		return err
	}
	o.ContactKey, err = f.key.key(cmd.Context(), file)
	return err
}

// heal compares and mends, and says what was missing.
func (a *app) heal(ctx context.Context, o pipeline.HealOptions, kind console.Kind) error {
	o.Log = a.log
	job, err := pipeline.NewHealing(o)
	if err != nil {
		return err
	}
	stopProgress := a.showProgress(kind, job.Counters())
	defer stopProgress()
	sum, err := job.Run(ctx)
	stopProgress()
	if err != nil {
		if errors.Is(err, errInterrupted) {
			return fmt.Errorf("%w: a part may be mended: run the same command again", context.Cause(ctx))
		}
		return err
	}
	if err := printFindings(a.stdout, sum.Found, o.DryRun); err != nil {
		return err
	}
	tasks, events, quarters := sum.Lacking()
	what := fmt.Sprintf("%s events of %s tasks, and %s quarter hours of agents", console.Number(events), console.Number(tasks), console.Number(quarters))
	if a.logFormat.value == "json" {
		a.notices().Info("healed", "sink", o.Sink, "dry_run", o.DryRun, "from", sum.From.Format(time.RFC3339), "to", sum.To.Format(time.RFC3339), "events", sum.Events,
			"tasks_missing", tasks, "events_missing", events, "quarter_hours_missing", quarters, "tasks_left", sum.Left(), "elapsed_seconds", sum.Elapsed.Seconds())
	} else {
		fmt.Fprintf(a.screen, "compared %s events from %s to %s with %s in %s\n", console.Number(sum.Events-sum.Duplicates), sum.From.Format(time.RFC3339), sum.To.Format(time.RFC3339),
			place(o.Sink), console.Duration(sum.Elapsed))
		switch {
		case tasks+quarters == 0:
			fmt.Fprintln(a.screen, "nothing is missing that could be mended")
		case o.DryRun:
			fmt.Fprintf(a.screen, "missing: %s; nothing was written\n", what)
		default:
			fmt.Fprintf(a.screen, "mended: %s\n", what)
		}
		if n := sum.Left(); n > 0 {
			fmt.Fprintf(a.screen, "left for a later run: %s tasks that lack events: run the command again a day later\n", console.Number(n))
		}
	}
	if o.DryRun && tasks+quarters > 0 {
		return fmt.Errorf("%w: %s: run the command without --dry-run", errLacks, what)
	}
	return nil
}

// printFindings prints a line for each finding.
func printFindings(out io.Writer, all []keyed.Finding, dry bool) error {
	if len(all) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\taccount\tsid\tfrom\tto\thas\tdone")
	for _, f := range all {
		what, unit, done := f.Kind, "events", "mended"
		if f.Kind != task.Name {
			what, unit = "agent", "quarter hours"
		}
		switch {
		case f.Left != "":
			done = "left: " + f.Left
		case dry:
			done = "nothing"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d of %d %s\t%s\n", what, f.Account, f.SID, instant(f.First), instant(f.Last), f.Known, f.All, unit, done)
	}
	return w.Flush()
}

func instant(at event.Millis) string { return time.UnixMilli(int64(at)).UTC().Format(time.RFC3339) }
