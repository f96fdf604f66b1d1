package sdkworker

import (
	"errors"
	"testing"
)

// The flags are those of Beam's container contract, as Flink's PROCESS environment gives them.
func TestAWorkerIsStartedByTheFlagsOfABootProgram(t *testing.T) {
	f, err := ParseFlags([]string{
		"--id=1-1", "--logging_endpoint=localhost:1", "--artifact_endpoint=localhost:2", "--provision_endpoint=localhost:3",
		"--control_endpoint=localhost:4", "--semi_persist_dir=/somewhere",
	})
	if want := (Flags{ID: "1-1", ProvisionEndpoint: "localhost:3", LoggingEndpoint: "localhost:1", ControlEndpoint: "localhost:4"}); err != nil || f != want {
		t.Errorf("got %+v, %v", f, err)
	}
	if f, err := ParseFlags([]string{"--worker-pool", ":50000"}); err != nil || f.Pool != ":50000" {
		t.Errorf("a pool: %+v, %v", f, err)
	}
	for _, args := range [][]string{nil, {"--help"}, {"--worker=true", "--id=1"}, {"--id=1"}, {"--provision_endpoint=localhost:3"}, {"--worker-pool", ":1", "more"}} {
		if _, err := ParseFlags(args); !errors.Is(err, ErrByHand) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
