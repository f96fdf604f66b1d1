package main

import (
	"flag"
	"strings"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/hooks"
)

// beamWorker becomes a Beam worker, and does not return, when a runner started this program as one.
func beamWorker(args []string) {
	if len(args) == 0 || strings.TrimLeft(args[0], "-") != "worker=true" {
		return
	}
	must(flag.CommandLine.Parse(args))
	beam.Init()
}

var initOnce sync.Once

// initBeam makes Beam ready in this process. Its own flags, which are Go's global ones, keep their
// defaults; its worker in this process logs as the rest of the program does, not over a connection.
func initBeam() {
	initOnce.Do(func() {
		if !flag.Parsed() {
			must(flag.CommandLine.Parse(nil))
		}
		hooks.DisableHook(harness.DefaultRemoteLoggingHook)
		if !beam.Initialized() {
			beam.Init()
		}
		silence()
	})
}
