// Command flexbeam turns Twilio Flex TaskRouter events into tables.
//
//	flexbeam simulate --events 100000 --out day.ndjson
//	flexbeam run --source file:day.ndjson --sink duckdb:calls.duckdb
//	flexbeam query --db calls.duckdb "FROM conversations LIMIT 5"
//
// What a command prints goes to standard output; progress, summaries, logs and errors go to
// standard error, an error as one line. The exit status is 0 when the work was done, 1 when it
// failed, 2 when the command line is wrong. A fault in the program itself counts as failed too.
package main

import (
	"context"
	"io"
	"os"

	"flexbeam/internal/crash"
)

// crashed is what is said before the trace of a fault in this program.
const crashed = "flexbeam: ended by a fault in flexbeam, or because the machine has no memory left. What was settled is kept: the same " +
	"command goes on from there. Please report it where you got flexbeam from, with your command, `flexbeam version` and these lines:"

func main() {
	crash.Install(crashed)
	beamWorker(os.Args[1:])
	ctx, stop := interruptible(context.Background(), os.Stderr)
	code := realMain(ctx, launched(os.Args), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// realMain runs a command line and returns the exit status.
func realMain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	initBeam()
	a := newApp(stdout, stderr)
	root := newRoot(a)
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	cmd, err := root.ExecuteContextC(ctx)
	return a.report(cmd, err)
}
