package crash

import (
	"syscall"
	_ "unsafe" // for go:linkname
)

// Install says what comes before the trace when this process crashes: one line, without its end. It is
// called once, before anything else runs.
func Install(line string) {
	if traceback, _ := syscall.Getenv("GOTRACEBACK"); traceback != "crash" {
		noCore()
	}
	setTraceback("crash") // the process ends by SIGABRT behind the trace, see exit.go
	announce(line + "\n")
}

// setTraceback is debug.SetTraceback. Package debug imports fmt and os; without them this package is
// initialized before nearly all others, see package early.
//
//go:linkname setTraceback runtime/debug.SetTraceback
func setTraceback(level string)
