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

	_ "flexbeam/internal/anyuser"     // Beam wants to know its user
	_ "flexbeam/internal/crash/early" // says what a crash is, before packages take memory
)

func main() {
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
