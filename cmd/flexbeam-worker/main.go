// Command flexbeam-worker runs the transforms of flexbeam on the workers of a remote runner, Flink
// or Dataflow.
//
// A runner starts it; it is not for people. It is its own boot program: with the flags of Beam's
// container contract (--id, --provision_endpoint) it asks the runner for all else, and ends when the
// runner needs it no more. Beam's boot program may start it too (--worker). With --worker-pool ADDRESS
// it is a worker pool: it starts a process of itself for each worker that a runner asks for.
//
// It is static: it links the transforms and the sinks that need no C library, and not DuckDB, so
// build it with CGO_ENABLED=0 for the workers' system. Contact keys and credentials come from its
// environment (FLEXBEAM_CONTACT_KEY, or FLEXBEAM_CONTACT_KEY_FILE for a file).
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	_ "flexbeam/internal/anyuser" // Beam wants to know its user
	"flexbeam/internal/sdkworker"
	_ "flexbeam/pipeline"                   // registers the transforms
	_ "flexbeam/pipeline/sink/bigquery"     // registers bigquery:PROJECT.DATASET
	_ "flexbeam/pipeline/sink/jsonl"        // registers jsonl:DIR
	_ "flexbeam/pipeline/source/file"       // registers file:PATTERN
	_ "flexbeam/pipeline/source/kinesis"    // registers kinesis:STREAM
	_ "flexbeam/pipeline/source/taskrouter" // registers taskrouter:WORKSPACE
)

func main() {
	f, err := sdkworker.ParseFlags(os.Args[1:])
	switch {
	case err != nil:
		startedByBeam()
		fmt.Fprint(os.Stderr, byHand)
		os.Exit(2)
	case f.Pool != "":
		err = pool(f.Pool)
	default:
		err = sdkworker.Run(context.Background(), f, os.Stdin)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "flexbeam-worker: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0) // whatever still runs
}

const byHand = "flexbeam-worker: this is the worker that Beam's remote runners start by themselves: to run a job, use flexbeam run (see flexbeam run --help); for a worker pool, --worker-pool :50000\n"

// startedByBeam becomes a worker, and does not return, if Beam's own boot program started this.
func startedByBeam() {
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	switch started := flag.Lookup("worker"); {
	case started == nil || started.Value.String() != "true":
	case err != nil:
		fmt.Fprintf(os.Stderr, "flexbeam-worker: %v\n", err)
		os.Exit(1)
	default:
		beam.Init()
	}
}

// pool serves runners until the process is told to end.
func pool(address string) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("worker pool: find this program: %w", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("worker pool: --worker-pool %s: %w", address, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	workers := sdkworker.Program{Path: program, Output: os.Stderr}
	p := &sdkworker.Pool{Start: workers.Start, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	return p.Serve(ctx, l)
}
