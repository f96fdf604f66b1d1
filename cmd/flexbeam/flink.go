package main

import (
	"github.com/spf13/cobra"

	"flexbeam/pipeline"
	"flexbeam/runners/flink"
)

// flinkFlags are the flags of a job on Flink.
type flinkFlags struct {
	options     flink.Options
	environment choice
}

func newFlinkFlags() *flinkFlags {
	o := flink.NewOptions()
	return &flinkFlags{options: o, environment: newChoice(o.Environment, flink.Environments...)}
}

// add makes them flags of cmd.
func (f *flinkFlags) add(cmd *cobra.Command) {
	flags, o := cmd.Flags(), &f.options
	flags.StringVar(&o.Endpoint, "flink-endpoint", "", "of --runner flink: `HOST:PORT` of Beam's job service (required)")
	flags.StringVar(&o.REST, "flink-rest", "", "`HOST:PORT` of Flink's own REST interface (required)")
	f.environment.add(cmd, false, "flink-environment",
		"where transforms run: in this process, in processes of each TaskManager, in a pool beside it")
	flags.StringVar(&o.Worker, "flink-worker", "", "`COMMAND|HOST:PORT` of the worker of process, or of the pool of external")
	flags.IntVar(&o.Parallelism, "flink-parallelism", o.Parallelism, "`N` of each part of the job that run at a time")
	flags.IntVar(&o.MaxParallelism, "flink-max-parallelism", o.MaxParallelism,
		"up to which `N` a later job may go on from a savepoint; it stays as it is over one")
	flags.DurationVar(&o.CheckpointEvery, "flink-checkpoint-every", o.CheckpointEvery, "time between two checkpoints")
	flags.StringVar(&o.Savepoint, "flink-savepoint", "", "`PATH` of a savepoint or a retained checkpoint where the job goes on")
	flags.BoolVar(&o.AllowLess, "flink-allow-less", false, "the savepoint may hold state of transforms that the job has no longer")
	flags.IntVar(&o.BundleSize, "flink-bundle-size", o.BundleSize, "`N` elements at most that are processed at a time")
	flags.DurationVar(&o.BundleTime, "flink-bundle-time", o.BundleTime, "how long they are gathered at most")
	flags.DurationVar(&o.RenewEvery, "flink-renew-every", o.RenewEvery,
		"how long a stream runs until a new job goes on from a savepoint, to bound checkpoints; 0: never")
	flags.IntVar(&o.Restarts, "flink-restarts", o.Restarts, "`N` times that a job is restarted after a failure; -1 is what the cluster is configured for")
	flags.DurationVar(&o.RestartDelay, "flink-restart-delay", o.RestartDelay, "how long it waits before, with --flink-restarts")
	completeNone(cmd, pipeline.Flink, "flink-environment")
}

// complete returns the options. It is a usage error to give some to a job that another runner runs.
func (f *flinkFlags) complete(cmd *cobra.Command, runner string) (flink.Options, error) {
	f.options.Environment = f.environment.value
	return f.options, onlyOf(cmd, pipeline.Flink, runner)
}
