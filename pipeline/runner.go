package pipeline

import (
	"context"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/source"
	"flexbeam/runners"
	_ "flexbeam/runners/direct" // registers direct
	_ "flexbeam/runners/prism"  // registers prism
)

// RunnerNames returns what Options.Runner may be: Auto, and the runners of this binary, the fastest
// first.
func RunnerNames() []string { return append([]string{Auto}, runners.Names()...) }

// checkRunner returns an error that wraps ErrUsage when there is no such runner.
func (o Options) checkRunner() error {
	if _, ok := runners.Named(o.Runner); ok || o.Runner == Auto {
		return nil
	}
	names := RunnerNames()
	last := len(names) - 1
	return usage("unknown runner %q: this binary has %s and %s", o.Runner, strings.Join(names[:last], ", "), names[last])
}

// checkCapabilities returns an error that wraps ErrUsage when the runner cannot do the job.
func (o Options) checkCapabilities(need runners.Capabilities) error {
	if o.runner(need).Has(need) {
		return nil
	}
	able, _ := runners.Fastest(need)
	if need.Unbounded {
		return usage("the %s runner has no timers, so it cannot read a stream: choose --runner %s", o.Runner, able.Name)
	}
	return usage("the %s runner has no state and no timers, so it cannot stream: choose --runner %s, or --mode batch", o.Runner, able.Name)
}

// needs returns what a job needs of its runner.
func needs(mode string, live bool) runners.Capabilities {
	return runners.Capabilities{Unbounded: live, State: live || mode == Stream}
}

// runner returns the runner of a job: the one that was asked for, or the fastest that has what the
// job needs.
func (o Options) runner(need runners.Capabilities) runners.Runner {
	r, ok := runners.Named(o.Runner)
	if !ok {
		r, _ = runners.Fastest(need)
	}
	return r
}

// Runner returns the name of the runner that the job has: the one that was asked for, or that Auto
// has chosen.
func (j *Job) Runner() string { return j.options.Runner }

// Mode returns the job's mode, Batch or Stream.
func (j *Job) Mode() string { return j.options.Mode }

// execute runs a pipeline to its end on the job's runner.
func (j *Job) execute(ctx context.Context, p *beam.Pipeline) error {
	job := runners.Job{
		Streaming: j.options.Mode == Stream, Bounded: !j.Live(), Log: j.options.Log,
		Kept:      func(savepoint string) { j.savepoint.Store(&savepoint) },
		Namespace: runtime.Metrics,
		Progress: func(p runners.Progress) {
			runtime.Take(j.count, p.Counters)
			j.count.RunsOnCluster(max(0, p.Watermark.UnixMilli()))
		},
	}
	switch j.options.Runner {
	case Flink:
		job.Options = j.options.Flink
	case Dataflow:
		job.Options, job.Forbidden = j.options.Dataflow, j.forbidden()
	}
	return j.options.runner(runners.Capabilities{}).Run(ctx, p, job)
}

// Savepoint returns where the state of a stream is that the runner keeps, once this process has let go
// of it: the path of Flink's savepoint, or the ID of Dataflow's job that runs on; "" if there is none.
func (j *Job) Savepoint() string {
	if s := j.savepoint.Load(); s != nil {
		return *s
	}
	return ""
}

// embedded tells whether the job keeps the states of a stream in this process.
func (j *Job) embedded() bool { return j.Live() && !j.keeps() }

// keeps tells whether the runner keeps the state of a stream by itself.
func (j *Job) keeps() bool { return j.options.runner(runners.Capabilities{}).Keeps }

// remote tells whether the transforms run in other processes than this one.
func (o Options) remote() bool {
	return o.Runner == Flink && o.Flink.Remote() || o.Runner == Dataflow
}

// here are the sources and sinks that are files, by their scheme: another machine has others.
var here = map[string]string{
	"file":   "reads files of this machine",
	"duckdb": "writes a file of this machine, and one process may have it open",
	"jsonl":  "writes files of this machine, and one process may have them open",
}

// isFile returns why a source or a sink is on this machine alone since it is files; empty if it is none.
func isFile(uri string) string {
	scheme, _, _ := strings.Cut(uri, ":")
	return here[scheme]
}

// checkFlink refuses what a job on Flink cannot have.
func (o Options) checkFlink(src source.Source) error {
	if o.Runner != Flink {
		return nil
	}
	if err := o.Flink.Check(); err != nil {
		return usage("%w", err)
	}
	switch {
	case o.State != "":
		return usage("--state: Flink keeps the state of the job: leave it out, and go on from a savepoint with --flink-savepoint")
	case o.AtOnce:
		return usage("--at-once: on Flink events are folded when the watermark has passed them: leave it out, or choose --runner prism")
	}
	if !o.remote() {
		return nil
	}
	if what, why := o.firstHere(src, isFile); why != "" {
		return usage("%s: it %s, and in the environment %s the job runs in other processes: choose another, or --flink-environment loopback to try it", what, why, o.Flink.Environment)
	}
	return nil
}
