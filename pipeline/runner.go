package pipeline

import (
	"context"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

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
	return j.options.runner(runners.Capabilities{}).Run(ctx, p)
}
