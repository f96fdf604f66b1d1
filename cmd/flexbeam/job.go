package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"flexbeam/internal/console"
	"flexbeam/runners/flink/flinkrest"
)

const jobLong = `Look after the jobs of a Flink cluster, over its REST interface.

JOB is Flink's ID of a job, its name, or the beginning of one of them that no other job has. Without it the command is about the
only job that runs.

To upgrade flexbeam or to change the parallelism, stop the job and start the new one with --flink-savepoint and the path that stop has told.`

const jobExample = `  flexbeam job list --flink-rest 127.0.0.1:8081
  flexbeam job status --flink-rest 127.0.0.1:8081 flexbeam-k2c4
  flexbeam job stop --flink-rest 127.0.0.1:8081 --to s3://bucket/savepoints`

// jobFlags are what the subcommands of job share.
type jobFlags struct {
	rest string
}

// client returns a client of the cluster that was named.
func (f *jobFlags) client() (*flinkrest.Client, error) {
	if f.rest == "" {
		return nil, usagef("--flink-rest is missing: give HOST:PORT of Flink's REST interface, such as 127.0.0.1:8081")
	}
	return flinkrest.New(f.rest), nil
}

func newJob(a *app) *cobra.Command {
	var f jobFlags
	cmd := &cobra.Command{
		Use: "job", Short: "Look after jobs on a Flink cluster", Long: jobLong, Example: jobExample,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&f.rest, "flink-rest", "", "`HOST:PORT` of Flink's REST interface (required)")
	must(cmd.RegisterFlagCompletionFunc("flink-rest", cobra.NoFileCompletions))
	cmd.AddCommand(newJobList(a, &f), newJobStatus(a, &f), newJobSavepoint(a, &f), newJobStop(a, &f), newJobCancel(a, &f))
	return cmd
}

func newJobList(a *app, f *jobFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the jobs of a cluster", Args: noArgs,
		Long:    "List the jobs of a cluster, the newest first, also those that have ended and that it still knows.",
		Example: "  flexbeam job list --flink-rest 127.0.0.1:8081",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			jobs, err := c.Jobs(cmd.Context())
			if err != nil {
				return err
			}
			slices.SortFunc(jobs, func(a, b flinkrest.Job) int { return b.Started.Compare(a.Started) })
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tSTATE\tSTARTED\tRAN")
			for _, j := range jobs {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", j.ID, j.Name, j.State, j.Started.Format(time.RFC3339), console.Duration(ranFor(j)))
			}
			return w.Flush()
		},
	}
}

// ranFor returns for how long a job has run.
func ranFor(j flinkrest.Job) time.Duration {
	end := j.Ended
	if end.IsZero() {
		end = time.Now()
	}
	return end.Sub(j.Started)
}

// jobCommand makes a subcommand about one job.
func jobCommand(f *jobFlags, name, short, long string, do func(ctx context.Context, c *flinkrest.Client, j flinkrest.Job) error) *cobra.Command {
	return &cobra.Command{
		Use: name + " [JOB]", Short: short, Long: long, Example: "  flexbeam job " + name + " --flink-rest 127.0.0.1:8081",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%q: name one job at most", args[1])
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			j, err := theJob(cmd.Context(), c, strings.Join(args, ""))
			if err != nil {
				return err
			}
			return do(cmd.Context(), c, j)
		},
	}
}

// theJob returns the job that a name begins, or the only one that runs.
func theJob(ctx context.Context, c *flinkrest.Client, name string) (flinkrest.Job, error) {
	jobs, err := c.Jobs(ctx)
	if err != nil {
		return flinkrest.Job{}, err
	}
	var found []flinkrest.Job
	for _, j := range jobs {
		switch {
		case name != "" && (j.ID == name || j.Name == name):
			return j, nil
		case name == "" && !j.State.Ended(), name != "" && (strings.HasPrefix(j.ID, name) || strings.HasPrefix(j.Name, name)):
			found = append(found, j)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case name == "" && len(found) == 0:
		return flinkrest.Job{}, errors.New("no job runs on the cluster: see flexbeam job list")
	case name == "":
		return flinkrest.Job{}, usagef("%d jobs run on the cluster: name one, see flexbeam job list", len(found))
	case len(found) == 0:
		return flinkrest.Job{}, fmt.Errorf("the cluster knows no job %s: see flexbeam job list", name)
	}
	return flinkrest.Job{}, usagef("%d jobs begin with %s: write more of the ID", len(found), name)
}

func newJobStatus(a *app, f *jobFlags) *cobra.Command {
	long := "Show how a job stands: its state, checkpoints, the watermark behind which it has settled, and the exceptions for which it was restarted."
	return jobCommand(f, "status", "Show how a job stands", long, func(ctx context.Context, c *flinkrest.Client, j flinkrest.Job) error {
		return a.jobStatus(ctx, c, j)
	})
}

// jobStatus prints how a job stands.
func (a *app) jobStatus(ctx context.Context, c *flinkrest.Client, j flinkrest.Job) error {
	s, err := c.Status(ctx, j.ID)
	if err != nil {
		return err
	}
	points, err := c.Checkpoints(ctx, j.ID)
	if err != nil {
		return err
	}
	exceptions, err := c.Exceptions(ctx, j.ID)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "job\t%s\t%s\nstate\t%s\tfor %s\n", s.Name, s.ID, s.State, console.Duration(ranFor(s.Job)))
	if !s.State.Ended() {
		at, err := settled(ctx, c, s)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "watermark\t%s\tof the vertex that is furthest behind\n", at)
	}
	fmt.Fprintf(w, "checkpoints\t%d completed\t%d failed, %d restored\n", points.Completed, points.Failed, points.Restored)
	if l := points.Last; l != nil {
		fmt.Fprintf(w, "the last\t%s\t%s in %s, at %s\n", l.Path, console.Bytes(l.Bytes), console.Duration(l.Took), l.Finished.Format(time.RFC3339))
	}
	for _, e := range exceptions {
		fmt.Fprintf(w, "exception\t%s\t%s\n", e.Time.Format(time.RFC3339), strings.Join(strings.Fields(flinkrest.Cause(e.Text)), " "))
	}
	return w.Flush()
}

// settled returns the least watermark of a job's vertices, as a text.
func settled(ctx context.Context, c *flinkrest.Client, s flinkrest.Status) (string, error) {
	least := int64(flinkrest.EndOfTime)
	for _, v := range s.Vertices {
		if v.Source {
			continue
		}
		at, ok, err := c.Watermark(ctx, s.ID, v)
		if err != nil {
			return "", err
		}
		if !ok {
			return "not known yet", nil
		}
		least = min(least, at)
	}
	switch at := time.UnixMilli(least).UTC(); {
	case least == flinkrest.EndOfTime:
		return "the end of time", nil
	case at.Year() < 1970 || at.Year() > 9999:
		return "not known yet", nil
	default:
		return at.Format(time.RFC3339), nil
	}
}

// addTo adds the flag that says where a savepoint goes.
func addTo(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "to", "", "`DIR` of the savepoint, as the cluster sees it; default what it is configured for")
	completeNothing(cmd, "to")
}

func newJobSavepoint(a *app, f *jobFlags) *cobra.Command {
	var to string
	cmd := jobCommand(f, "savepoint", "Make a savepoint of a job that runs on", "Make a savepoint of a job, which runs on, and print its path.",
		func(ctx context.Context, c *flinkrest.Client, j flinkrest.Job) error {
			path, err := c.Savepoint(ctx, j.ID, to)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.stdout, path)
			return nil
		})
	addTo(cmd, &to)
	return cmd
}

func newJobStop(a *app, f *jobFlags) *cobra.Command {
	var to string
	cmd := jobCommand(f, "stop", "End a job by a savepoint", `End a job by a savepoint, and print its path. What was read and whose time has come is in the sink; what waits for more events is in the
savepoint. A job goes on from it with --flink-savepoint.`,
		func(ctx context.Context, c *flinkrest.Client, j flinkrest.Job) error {
			path, err := c.Stop(ctx, j.ID, to)
			if err != nil {
				return err
			}
			if _, err := c.Await(ctx, j.ID); err != nil {
				return err
			}
			fmt.Fprintln(a.stdout, path)
			return nil
		})
	addTo(cmd, &to)
	return cmd
}

func newJobCancel(a *app, f *jobFlags) *cobra.Command {
	return jobCommand(f, "cancel", "End a job and lose its state", `End a job at once. Its state is lost: a job that follows begins where start= says, and rows settle by key and version.
To go on where it was, use stop.`,
		func(ctx context.Context, c *flinkrest.Client, j flinkrest.Job) error {
			if err := c.Cancel(ctx, j.ID); err != nil {
				return err
			}
			state, err := c.Await(ctx, j.ID)
			if err == nil {
				fmt.Fprintf(a.screen, "job %s: %s\n", j.ID, state)
			}
			return err
		})
}
