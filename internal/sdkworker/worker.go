// Package sdkworker is what makes a program a worker of Beam's remote runners, without another program
// that boots it: it asks the runner's provision service for what it needs, runs the harness of Beam's
// Go SDK, and ends with it. A Pool starts workers for runners whose environment is EXTERNAL, each as a
// process of its own or in the process of the pool.
//
// A worker stages nothing: what it runs is in its program. It ends when the runner closes the control
// stream, when the runner's control endpoint takes no connections any more, and when the pool that
// started it is gone. So no cancel and no kill leaves a process behind.
package sdkworker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/container/tools"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"

	"flexbeam/internal/sdkstreams"
	"flexbeam/internal/workerenv"
)

// The errors of Run.
var (
	ErrProvision = errors.New("the runner's provision service gives no answer that a worker can use")
	ErrGone      = errors.New("the runner is gone")
)

// How long a worker waits.
const (
	provisionWithin = 2 * time.Minute
	lookEvery       = 15 * time.Second // whether the runner is still there
	goneAfter       = 4                // looks that fail one after the other
	lookWithin      = 10 * time.Second
)

// Run runs a worker until its runner has no more work for it: then it returns nil. Errors wrap
// ErrProvision, ErrGone, or what the harness says. stdin is read to its end where the worker is on a
// leash. Afterwards the process is to be ended, since bundles may still run in it.
func Run(ctx context.Context, f Flags, stdin io.Reader) error {
	ctx = sdkstreams.With(grpcx.WriteWorkerID(ctx, f.ID))
	info, logging, control, err := f.provision(ctx)
	if err != nil {
		return err
	}
	opts, err := begin(info)
	if err != nil {
		return err
	}
	secrets, err := workerenv.Decode(runtime.GlobalOptions.Get(workerenv.Option))
	if err == nil {
		err = secrets.Set(ctx)
	}
	if err != nil {
		return fmt.Errorf("the environment of the worker: %w", err)
	}
	ended := make(chan error, 3)
	go func() { ended <- harness.MainWithOptions(ctx, logging, control, opts) }()
	go func() { ended <- watch(ctx, control, lookEvery) }()
	if f.Leash {
		go func() {
			_, _ = io.Copy(io.Discard, stdin) // however it ends, it has ended
			ended <- fmt.Errorf("%w: so is the pool that started this worker", ErrGone)
		}()
	}
	return <-ended
}

// provision asks the provision service what a worker needs to know, and where it logs and is controlled: as
// the service says, else as the flags do.
func (f Flags) provision(ctx context.Context) (info *fnpb.ProvisionInfo, logging, control string, err error) {
	ctx, stop := context.WithTimeout(ctx, provisionWithin)
	defer stop()
	if info, err = tools.ProvisionInfo(ctx, f.ProvisionEndpoint); err != nil {
		return nil, "", "", fmt.Errorf("%w: %s: %w", ErrProvision, f.ProvisionEndpoint, err)
	}
	logging = cmp.Or(info.GetLoggingEndpoint().GetUrl(), f.LoggingEndpoint)
	control = cmp.Or(info.GetControlEndpoint().GetUrl(), f.ControlEndpoint)
	if logging == "" || control == "" {
		return nil, "", "", fmt.Errorf("%w: neither it nor a flag names the endpoints of logging and control", ErrProvision)
	}
	return info, logging, control, nil
}

// begin makes this process ready to run transforms, with the pipeline options that a runner gives to
// it, and returns those of the harness.
func begin(info *fnpb.ProvisionInfo) (o harness.Options, err error) {
	text, err := tools.ProtoToJSON(info.GetPipelineOptions())
	if err != nil {
		return o, fmt.Errorf("%w: its pipeline options: %w", ErrProvision, err)
	}
	var given runtime.RawOptionsWrapper
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return o, fmt.Errorf("%w: its pipeline options: %w", ErrProvision, err)
	}
	runtime.GlobalOptions.Import(given.Options)
	if err := flag.CommandLine.Parse(nil); err != nil { // Beam wants its flags to be parsed; it has none here
		return o, err
	}
	beam.Init()
	o = harness.Options{StatusEndpoint: info.GetStatusEndpoint().GetUrl(), RunnerCapabilities: info.GetRunnerCapabilities()}
	if slices.Contains(given.Experiments, "enable_data_sampling") {
		o.RunnerCapabilities = append(o.RunnerCapabilities, graphx.URNDataSampling)
	}
	return o, nil
}

// watch returns ErrGone once an endpoint has taken no connection for several looks: a stream over a
// network that is cut, or to a machine that is off, stays open for ever.
func watch(ctx context.Context, endpoint string, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	dialer := net.Dialer{Timeout: min(lookWithin, every)}
	for failed := 0; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		conn, err := dialer.DialContext(ctx, "tcp", endpoint)
		if err == nil {
			failed = 0
			_ = conn.Close() // it carried nothing
			continue
		}
		if failed++; failed >= goneAfter {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
	}
}
