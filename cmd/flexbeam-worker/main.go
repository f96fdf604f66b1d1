// Command flexbeam-worker runs the transforms of flexbeam on the workers of a remote runner, Flink
// or Dataflow.
//
// A runner starts it; it is not for people. It is static: it links the transforms and the sinks
// that need no C library, and not DuckDB, so build it with CGO_ENABLED=0 for the workers' system.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	_ "flexbeam/pipeline"                   // registers the transforms
	_ "flexbeam/pipeline/sink/bigquery"     // registers bigquery:PROJECT.DATASET
	_ "flexbeam/pipeline/sink/jsonl"        // registers jsonl:DIR
	_ "flexbeam/pipeline/source/file"       // registers file:PATTERN
	_ "flexbeam/pipeline/source/kinesis"    // registers kinesis:STREAM
	_ "flexbeam/pipeline/source/taskrouter" // registers taskrouter:WORKSPACE
)

func main() {
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	if err == nil {
		beam.Init() // becomes a worker, and does not return, when a runner started this
	} else if started := flag.Lookup("worker"); started.Value.String() == "true" {
		fmt.Fprintf(os.Stderr, "flexbeam-worker: %v\n", err)
		os.Exit(1)
	}
	fmt.Fprint(os.Stderr, byHand)
	os.Exit(2)
}

const byHand = "flexbeam-worker: this is the worker that Beam's remote runners start by themselves: to run a job, use flexbeam run (see flexbeam run --help)\n"
