package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/spf13/cobra"

	"flexbeam/internal/testkit/flinklocal"
)

const localFlinkLong = `Run a real Flink cluster on this machine: a JobManager, TaskManagers, and Beam's job server, to try --runner flink.

It needs Java 11 or 17, and the first time also Maven and pip, with which it downloads Flink ` + flinklocal.FlinkVersion + ` and Beam's job server ` + flinklocal.BeamVersion + ` (some
400 MB) into the user's cache directory, as these programs are set up on this machine, and checks them against sums that flexbeam holds.

A process that ends is started again, so that you can see what a job outlives: kill -9 the ID in taskmanager-1.pid or jobmanager.pid of the
folder of --dir. The folder has the logs, the checkpoints and the savepoints, which stay when the command ends. Jobs do not: stop them
first, see flexbeam job stop. With --high-availability a ZooKeeper remembers the jobs when the JobManager is killed; without it run goes on
from the last checkpoint. Everything listens on the loopback interface only.`

const localFlinkExample = `  flexbeam local flink &
  flexbeam run --runner flink --flink-endpoint 127.0.0.1:8099 --flink-rest 127.0.0.1:8081 \
    --source 'kinesis:demo?endpoint=http://127.0.0.1:4567' --sink duckdb:calls.duckdb`

func newLocalFlink(a *app) *cobra.Command {
	o := flinklocal.Options{JobPort: 8099, RESTPort: 8081, TaskManagers: 1, Slots: 2}
	cmd := &cobra.Command{
		Use:     "flink",
		Short:   "Run a Flink cluster on this machine, to try things",
		Long:    localFlinkLong,
		Example: localFlinkExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.TaskManagers < 1:
				return usagef("--task-managers %d: write 1 or more", o.TaskManagers)
			case o.Slots < 1:
				return usagef("--slots %d: write 1 or more", o.Slots)
			}
			return a.localFlink(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&o.JobPort, "job-port", o.JobPort, "`PORT` of Beam's job service; 0 takes a free one")
	flags.IntVar(&o.RESTPort, "rest-port", o.RESTPort, "`PORT` of Flink's REST interface and its pages; 0 takes a free one")
	flags.IntVar(&o.TaskManagers, "task-managers", o.TaskManagers, "`N` TaskManagers")
	flags.IntVar(&o.Slots, "slots", o.Slots, "`N` slots of each TaskManager: the sum bounds the parallelism of all jobs")
	flags.BoolVar(&o.HighAvailability, "high-availability", false, "with a ZooKeeper, so that jobs outlive the JobManager")
	flags.StringVar(&o.Dir, "dir", "", "`DIR` of logs, checkpoints and savepoints; default a folder of the user's cache directory")
	flags.StringToStringVar(&o.Config, "config", nil, "`KEY=VALUE` of Flink's configuration, such as state.backend.type=rocksdb; repeatable")
	completeNothing(cmd, "job-port", "rest-port", "task-managers", "slots", "config")
	return cmd
}

// localFlink serves until the command is interrupted, which is how it is meant to end, or the
// cluster cannot go on.
func (a *app) localFlink(ctx context.Context, o flinklocal.Options) error {
	cache, err := flinklocal.DefaultCache()
	if err != nil {
		return err
	}
	if o.Dir == "" {
		o.Dir = filepath.Join(cache, "local")
	}
	o.Say = func(text string) { fmt.Fprintln(a.screen, text) }
	c, err := flinklocal.Start(ctx, o)
	if errors.Is(err, flinklocal.ErrInUse) {
		return fmt.Errorf("%w: end it, or choose another folder with --dir", err)
	}
	if listens := (*net.OpError)(nil); errors.As(err, &listens) {
		return fmt.Errorf("%w: choose other ports with --job-port and --rest-port, 0 for free ones", err)
	}
	if err != nil {
		return err
	}
	defer c.Stop()
	fmt.Fprintf(a.stdout, "Flink on this machine: job service at %s, REST and pages at http://%s. End it with Ctrl-C.\n\nRunner:\n  --runner flink --flink-endpoint %s --flink-rest %s\n",
		c.Endpoint(), c.REST(), c.Endpoint(), c.REST())
	if err := c.Wait(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}
