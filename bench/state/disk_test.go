package main

import (
	"os"
	"testing"

	"flexbeam/internal/statedisk/statedisktest"
)

// diskEnv tells a child process which disk it writes.
const diskEnv = "FLEXBEAM_TEST_DISK"

func TestMain(m *testing.M) {
	open := opens[os.Getenv(diskEnv)]
	if open == nil { // not a child
		open = openNone
	}
	statedisktest.Main(m, open)
}

func TestEachDiskKeepsWhatItPromises(t *testing.T) {
	for _, name := range []string{"pebble", "bbolt"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(diskEnv, name)
			statedisktest.Run(t, opens[name])
		})
	}
}
