package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"flexbeam/internal/console"
	"flexbeam/runners/dataflow"
	"flexbeam/runners/dataflow/dataflowapi"
	"flexbeam/runners/flink/flinkrest"
)

const jobLong = `Look after the jobs of a Flink cluster, over its REST interface, or of a region of Dataflow.

JOB is the ID of a job, its name, or the beginning of one of them that no other job has. Without it the command is about the
only job that runs.

To upgrade flexbeam on Flink or to change the parallelism, stop the job and start the new one with --flink-savepoint and the path
that stop has told. On Dataflow start the new one with --dataflow-update while the old one runs; drain ends a stream for good.`

const jobExample = `  flexbeam job list --flink-rest 127.0.0.1:8081
  flexbeam job status --flink-rest 127.0.0.1:8081 flexbeam-k2c4
  flexbeam job stop --flink-rest 127.0.0.1:8081 --to s3://bucket/savepoints
  flexbeam job drain --dataflow-project my-project --dataflow-region europe-west1 flexbeam-live`

// A cluster is where jobs run that are looked after.
type cluster interface {
	// where names it in errors.
	where() string
	// jobs returns those that it knows, also of those that have ended.
	jobs(ctx context.Context) ([]clusterJob, error)
	// status writes lines about a job, with tabs between their parts.
	status(ctx context.Context, j clusterJob, w io.Writer) error
	// savepoint makes a savepoint of a job that runs on and returns its path.
	savepoint(ctx context.Context, id, to string) (string, error)
	// stop ends a job by a savepoint and returns its path.
	stop(ctx context.Context, id, to string) (string, error)
	// drain ends a job once what was read is written, and returns its last state.
	drain(ctx context.Context, id string) (string, error)
	// cancel ends a job at once and returns its last state.
	cancel(ctx context.Context, id string) (string, error)
}

// A clusterJob is what a cluster tells of a job.
type clusterJob struct {
	id, name, state string
	over            bool
	started, ended  time.Time // ended is zero while it runs
}

// jobFlags are what the subcommands of job share.
type jobFlags struct {
	rest     string
	dataflow dataflow.Options // of which the place counts
}

// cluster returns the one that was named.
func (f *jobFlags) cluster(ctx context.Context) (cluster, error) {
	o := f.dataflow
	switch onDataflow := o.Project != "" || o.Region != ""; {
	case f.rest != "" && onDataflow:
		return nil, usagef("--flink-rest and --dataflow-project: a job runs on one of them: leave the other out")
	case f.rest != "":
		return &flinkCluster{flinkrest.New(f.rest)}, nil
	case !onDataflow:
		return nil, usagef("--flink-rest is missing: give HOST:PORT of Flink's REST interface, such as 127.0.0.1:8081, or --dataflow-project and --dataflow-region")
	case o.Project == "":
		return nil, usagef("--dataflow-project is missing: write such as my-project")
	case o.Region == "":
		return nil, usagef("--dataflow-region is missing: write such as europe-west1")
	}
	c, err := dataflowapi.New(ctx, o.Place())
	if err != nil {
		return nil, err
	}
	return &dataflowCluster{c, time.Second}, nil
}

func newJob(a *app) *cobra.Command {
	f := jobFlags{dataflow: dataflow.NewOptions()}
	cmd := &cobra.Command{
		Use: "job", Short: "Look after jobs on Flink or Dataflow", Long: jobLong, Example: jobExample,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&f.rest, "flink-rest", "", "`HOST:PORT` of Flink's REST interface (required on Flink)")
	addPlace(cmd.PersistentFlags(), &f.dataflow)
	for _, name := range []string{"flink-rest", "dataflow-project", "dataflow-region", "dataflow-endpoint", "dataflow-gcs-endpoint"} {
		must(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
	cmd.AddCommand(newJobList(a, &f), newJobStatus(a, &f), newJobSavepoint(a, &f), newJobStop(a, &f), newJobDrain(a, &f), newJobCancel(a, &f))
	return cmd
}

func newJobList(a *app, f *jobFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the jobs of a cluster", Args: noArgs,
		Long:    "List the jobs of a cluster, the newest first, also those that have ended and that it still knows.",
		Example: "  flexbeam job list --flink-rest 127.0.0.1:8081",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.cluster(cmd.Context())
			if err != nil {
				return err
			}
			jobs, err := c.jobs(cmd.Context())
			if err != nil {
				return err
			}
			slices.SortFunc(jobs, func(a, b clusterJob) int { return b.started.Compare(a.started) })
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tSTATE\tSTARTED\tRAN")
			for _, j := range jobs {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", j.id, j.name, j.state, j.started.Format(time.RFC3339), console.Duration(j.ranFor()))
			}
			return w.Flush()
		},
	}
}

// ranFor returns for how long a job has run.
func (j clusterJob) ranFor() time.Duration {
	end := j.ended
	if end.IsZero() {
		end = time.Now()
	}
	return end.Sub(j.started)
}

// jobCommand makes a subcommand about one job.
func jobCommand(f *jobFlags, name, short, long string, do func(ctx context.Context, c cluster, j clusterJob) error) *cobra.Command {
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
			c, err := f.cluster(cmd.Context())
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

// theJob returns the job that a name begins, or the only one that runs. Of several jobs of one name it
// is the one that runs.
func theJob(ctx context.Context, c cluster, name string) (clusterJob, error) {
	jobs, err := c.jobs(ctx)
	if err != nil {
		return clusterJob{}, err
	}
	var named, begun []clusterJob
	for _, j := range jobs {
		switch {
		case name != "" && j.id == name:
			return j, nil
		case name != "" && j.name == name:
			named = append(named, j)
		case name == "" && !j.over, name != "" && (strings.HasPrefix(j.id, name) || strings.HasPrefix(j.name, name)):
			begun = append(begun, j)
		}
	}
	if len(named) > 0 {
		slices.SortFunc(named, func(a, b clusterJob) int { return b.started.Compare(a.started) })
		if i := slices.IndexFunc(named, func(j clusterJob) bool { return !j.over }); i > 0 {
			return named[i], nil
		}
		return named[0], nil
	}
	switch {
	case len(begun) == 1:
		return begun[0], nil
	case name == "" && len(begun) == 0:
		return clusterJob{}, fmt.Errorf("no job runs on %s: see flexbeam job list", c.where())
	case name == "":
		return clusterJob{}, usagef("%d jobs run on %s: name one, see flexbeam job list", len(begun), c.where())
	case len(begun) == 0:
		return clusterJob{}, fmt.Errorf("%s knows no job %s: see flexbeam job list", c.where(), name)
	}
	return clusterJob{}, usagef("%d jobs begin with %s: write more of the ID", len(begun), name)
}

func newJobStatus(a *app, f *jobFlags) *cobra.Command {
	long := `Show how a job stands. On Flink: its state, checkpoints, the watermark behind which it has settled, and the exceptions for which it
was restarted. On Dataflow: its state, the counters of its workers, and the newest warnings and errors.`
	return jobCommand(f, "status", "Show how a job stands", long, func(ctx context.Context, c cluster, j clusterJob) error {
		w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		if err := c.status(ctx, j, w); err != nil {
			return err
		}
		return w.Flush()
	})
}

// pathCommand makes a subcommand that makes a savepoint of a job, and prints its path.
func pathCommand(a *app, f *jobFlags, name, short, long string, do func(c cluster, ctx context.Context, id, to string) (string, error)) *cobra.Command {
	var to string
	cmd := jobCommand(f, name, short, long, func(ctx context.Context, c cluster, j clusterJob) error {
		path, err := do(c, ctx, j.id, to)
		if err == nil {
			fmt.Fprintln(a.stdout, path)
		}
		return err
	})
	cmd.Flags().StringVar(&to, "to", "", "`DIR` of the savepoint, as the cluster sees it; default what it is configured for")
	completeNothing(cmd, "to")
	return cmd
}

func newJobSavepoint(a *app, f *jobFlags) *cobra.Command {
	return pathCommand(a, f, "savepoint", "Make a savepoint of a job that runs on", "Make a savepoint of a job on Flink, which runs on, and print its path.", cluster.savepoint)
}

func newJobStop(a *app, f *jobFlags) *cobra.Command {
	return pathCommand(a, f, "stop", "End a job by a savepoint", `End a job on Flink by a savepoint, and print its path. What was read and whose time has come is in the sink; what waits for more
events is in the savepoint. A job goes on from it with --flink-savepoint.`, cluster.stop)
}

func newJobDrain(a *app, f *jobFlags) *cobra.Command {
	cmd := jobCommand(f, "drain", "End a stream once what was read is written", `End a stream on Dataflow for good: nothing more is read, and what was read is written, also of tasks that are not over. No job
goes on from it: one that follows begins where start= says, and rows settle by key and version. To upgrade a job, update it.`,
		func(ctx context.Context, c cluster, j clusterJob) error { return a.ended(j)(c.drain(ctx, j.id)) })
	cmd.Example = "  flexbeam job drain --dataflow-project my-project --dataflow-region europe-west1 flexbeam-live"
	return cmd
}

func newJobCancel(a *app, f *jobFlags) *cobra.Command {
	return jobCommand(f, "cancel", "End a job and lose its state", `End a job at once. Its state is lost: a job that follows begins where start= says, and rows settle by key and version.
To go on where it was, use stop on Flink, and update the job on Dataflow.`,
		func(ctx context.Context, c cluster, j clusterJob) error { return a.ended(j)(c.cancel(ctx, j.id)) })
}

// ended returns what says in which state a job has ended.
func (a *app) ended(j clusterJob) func(state string, err error) error {
	return func(state string, err error) error {
		if err == nil {
			fmt.Fprintf(a.screen, "job %s: %s\n", j.id, state)
		}
		return err
	}
}
