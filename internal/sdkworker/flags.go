package sdkworker

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// Flags are those by which a runner starts the boot program of a worker, and those of a pool.
type Flags struct {
	ID                string // of the worker
	ProvisionEndpoint string // where the worker asks for the others, which it may not have been given
	LoggingEndpoint   string
	ControlEndpoint   string

	Pool  string // address of a worker pool, such as :50000; empty: this is a worker
	Leash bool   // the worker ends when its standard input does: its pool is gone then
}

// ErrByHand says that the flags are not those by which a runner starts a worker.
var ErrByHand = errors.New("no runner started this")

// ParseFlags reads the arguments of a program. Its errors wrap ErrByHand if they are not those of a
// boot program or of a pool.
func ParseFlags(args []string) (Flags, error) {
	var f Flags
	set := flag.NewFlagSet("flexbeam-worker", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&f.ID, "id", "", "")
	set.StringVar(&f.ProvisionEndpoint, "provision_endpoint", "", "")
	set.StringVar(&f.LoggingEndpoint, "logging_endpoint", "", "")
	set.StringVar(&f.ControlEndpoint, "control_endpoint", "", "")
	set.String("artifact_endpoint", "", "") // all that a worker needs is in its program
	set.String("semi_persist_dir", "", "")  // and it stores nothing
	set.StringVar(&f.Pool, "worker-pool", "", "")
	set.BoolVar(&f.Leash, "leash", false, "")
	switch err := set.Parse(args); {
	case err != nil:
		return f, fmt.Errorf("%w: %w", ErrByHand, err)
	case set.NArg() > 0:
		return f, fmt.Errorf("%w: unexpected argument %q", ErrByHand, set.Arg(0))
	case f.Pool != "":
		return f, nil
	case f.ID == "" || f.ProvisionEndpoint == "":
		return f, fmt.Errorf("%w: --id and --provision_endpoint are missing", ErrByHand)
	}
	return f, nil
}
