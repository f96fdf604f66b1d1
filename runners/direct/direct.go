// Package direct runs a bounded pipeline in this process with Beam's direct runner: the quickest way from a file to tables,
// without state, timers or a network in between. It cannot run unbounded pipelines.
package direct

import (
	"context"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	//lint:ignore SA1019 it is the quickest way for files; the default runner is Prism
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/direct" // registers the runner
)

// Run runs a pipeline to its end. When ctx ends, the transforms stop at their next element.
func Run(ctx context.Context, p *beam.Pipeline) error {
	if _, err := beam.Run(ctx, "direct", p); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("direct: %w", err)
	}
	return nil
}
