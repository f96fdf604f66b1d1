// Package direct runs a bounded pipeline in this process with Beam's direct runner. It is the
// quickest way from a file to tables: elements go from one transform to the next as they are,
// without a network in between. It has neither state nor timers, and cannot run unbounded
// pipelines.
package direct

import (
	"context"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	//lint:ignore SA1019 it is the quickest way for files
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/direct" // registers the runner

	"flexbeam/runners"
)

// Capabilities are what the runner can do: no more than bounded pipelines without state.
var Capabilities = runners.Capabilities{}

func init() {
	runners.Register(runners.Runner{Name: "direct", Capabilities: Capabilities, Rank: 1, Run: run})
}

func run(ctx context.Context, p *beam.Pipeline, _ runners.Job) error { return Run(ctx, p) }

// Run runs a pipeline to its end. When ctx ends, the transforms stop at their next element, and Run
// returns the cause of ctx. Errors of transforms come back wrapped.
func Run(ctx context.Context, p *beam.Pipeline) error {
	if _, err := beam.Run(ctx, "direct", p); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("direct: %w", err)
	}
	return nil
}
