package sdkworker

import (
	"context"
	"log/slog"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"

	"flexbeam/internal/sdkstreams"
)

// goroutine is a worker in this process.
type goroutine struct {
	stop  context.CancelFunc
	ended chan error
}

// InProcess starts a worker in this process, so that its transforms share what the process has open.
func InProcess(f Flags) (Worker, error) {
	ctx, stop := context.WithCancel(sdkstreams.With(grpcx.WriteWorkerID(context.Background(), f.ID)))
	w := &goroutine{stop: stop, ended: make(chan error, 1)}
	go func() { w.ended <- work(ctx, f) }()
	return w, nil
}

// work runs the harness. The options of the pipeline are left alone: they are those of this process.
func work(ctx context.Context, f Flags) error {
	info, logging, control, err := f.provision(ctx)
	if err != nil {
		return err
	}
	return harness.MainWithOptions(ctx, logging, control, harness.Options{RunnerCapabilities: info.GetRunnerCapabilities()})
}

func (w *goroutine) Stop() { w.stop() }

func (w *goroutine) Wait() error {
	defer w.stop()
	return <-w.ended
}

func (w *goroutine) LogValue() slog.Value { return slog.StringValue("this process") }
