package crash

import (
	"os"
	"runtime/debug"
)

// Install says what comes before the trace when this process crashes: one line, without its end. It is
// called once, before anything else runs.
func Install(line string) {
	if os.Getenv("GOTRACEBACK") != "crash" {
		noCore()
	}
	debug.SetTraceback("crash") // the process ends by SIGABRT behind the trace, see exit.go
	announce(line + "\n")
}
