package main

import (
	"os"
	"runtime/debug"
)

// How a job uses memory unless GOGC or GOMEMLIMIT say otherwise: blocks are large and short-lived, so collecting less often
// saves time, up to a limit that keeps a million events below 2.5 GB.
const (
	gcPercent   = 300
	memoryLimit = 1500 << 20
)

func tuneMemory() {
	if _, ok := os.LookupEnv("GOGC"); !ok {
		debug.SetGCPercent(gcPercent)
	}
	if _, ok := os.LookupEnv("GOMEMLIMIT"); !ok {
		debug.SetMemoryLimit(memoryLimit)
	}
}
