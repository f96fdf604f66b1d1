package flink

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// The environments: where the transforms of a job run.
const (
	Loopback = "loopback" // in the process that submits the job, to try things
	Process  = "process"  // in processes that each TaskManager starts
	External = "external" // in a pool of workers beside each TaskManager
)

// Environments are all of them.
var Environments = []string{Loopback, Process, External}

// Options say on which cluster a job runs, and how. Get the defaults from NewOptions.
type Options struct {
	Endpoint string // required: HOST:PORT of Beam's job service
	REST     string // required: HOST:PORT of Flink's own REST interface

	Environment string // one of Environments
	Worker      string // of Process, the command that starts a worker; of External, HOST:PORT of the pool as a TaskManager sees it

	Parallelism    int // of each part of the job
	MaxParallelism int // up to which a later job can go on from a savepoint; never to be changed over one

	CheckpointEvery time.Duration // between checkpoints
	Savepoint       string        // where the job goes on: of a savepoint or a retained checkpoint; "": nowhere
	AllowLess       bool          // Savepoint may hold state of transforms that the job has no longer

	BundleSize int           // elements that one bundle takes at most
	BundleTime time.Duration // that one bundle takes at most

	// RenewEvery is how long a stream runs before it is stopped by a savepoint and goes on from that as
	// another job of Flink's; 0: for as long as it can. Beam adds a state to the job with each look at a
	// shard (apache/beam issue 27648), and finds these again for use once it begins anew.
	RenewEvery time.Duration

	Restarts     int           // after failures; negative: as the cluster is configured
	RestartDelay time.Duration // before each
}

// NewOptions returns the defaults.
func NewOptions() Options {
	return Options{
		Environment: Loopback, Parallelism: 1, MaxParallelism: 8,
		CheckpointEvery: 10 * time.Second, BundleSize: 5000, BundleTime: time.Second,
		RenewEvery: 2 * time.Hour, Restarts: -1, RestartDelay: 3 * time.Second,
	}
}

// Remote tells whether transforms run in other processes than the one that submits the job.
func (o Options) Remote() bool { return o.Environment != Loopback }

// Check returns an error that says what to write instead where the options cannot be.
func (o Options) Check() error {
	switch {
	case o.Endpoint == "":
		return fmt.Errorf("--flink-endpoint is missing: give HOST:PORT of Beam's job service, such as 127.0.0.1:8099; flexbeam local flink starts one")
	case o.REST == "":
		return fmt.Errorf("--flink-rest is missing: give HOST:PORT of Flink's REST interface, such as 127.0.0.1:8081: by it the job is watched and stopped")
	}
	if err := checkAddress("--flink-endpoint", o.Endpoint, false); err != nil {
		return err
	}
	if err := checkAddress("--flink-rest", o.REST, true); err != nil {
		return err
	}
	switch {
	case o.Environment == Process && o.Worker == "":
		return fmt.Errorf("--flink-worker is missing: give the command that starts a worker on the machines of the TaskManagers, such as /opt/flexbeam/flexbeam-worker")
	case o.Environment == External && o.Worker == "":
		return fmt.Errorf("--flink-worker is missing: give HOST:PORT of the pool of workers as a TaskManager sees it, such as localhost:50000")
	case o.Environment == Loopback && o.Worker != "":
		return fmt.Errorf("--flink-worker %s: in the environment loopback the transforms run in this process: choose --flink-environment process or external", o.Worker)
	case o.Parallelism < 1:
		return fmt.Errorf("--flink-parallelism %d: write 1 or more", o.Parallelism)
	case o.MaxParallelism < o.Parallelism:
		return fmt.Errorf("--flink-parallelism %d is above --flink-max-parallelism %d: raise that, which no later job can change that goes on from a savepoint of this one", o.Parallelism, o.MaxParallelism)
	case o.CheckpointEvery < time.Second:
		return fmt.Errorf("--flink-checkpoint-every %v: write 1s or more", o.CheckpointEvery)
	case o.BundleSize < 1:
		return fmt.Errorf("--flink-bundle-size %d: write 1 or more", o.BundleSize)
	case o.BundleTime < 10*time.Millisecond:
		return fmt.Errorf("--flink-bundle-time %v: write 10ms or more", o.BundleTime)
	case o.RenewEvery != 0 && o.RenewEvery < 10*time.Second:
		return fmt.Errorf("--flink-renew-every %v: write 10s or more, or 0 for never", o.RenewEvery)
	case o.RestartDelay < 0:
		return fmt.Errorf("--flink-restart-delay %v: write 0s or more", o.RestartDelay)
	}
	if o.Environment == External {
		return checkAddress("--flink-worker", o.Worker, false)
	}
	return nil
}

func checkAddress(flag, addr string, orURL bool) error {
	if orURL && strings.Contains(addr, "://") {
		u, err := url.Parse(addr)
		if err != nil || u.Host == "" {
			return fmt.Errorf("%s %s is no URL: write such as https://flink.example.com", flag, addr)
		}
		return nil
	}
	if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
		return fmt.Errorf("%s %s: write HOST:PORT", flag, addr)
	}
	return nil
}

// own returns the options under the names by which the job server knows them.
func (o Options) own(streaming bool) map[string]any {
	m := map[string]any{
		"streaming":              streaming,
		"parallelism":            o.Parallelism,
		"max_parallelism":        o.MaxParallelism,
		"max_bundle_size":        o.BundleSize,
		"max_bundle_time_mills":  o.BundleTime.Milliseconds(),
		"checkpointing_interval": o.CheckpointEvery.Milliseconds(),
		"operator_chaining":      false, // else a savepoint goes on only at its own parallelism

		// Else a checkpoint within the first bundle keeps its output for ever.
		"finish_bundle_before_checkpointing": true,
		// What is retained where a job fails; a job that is canceled takes its checkpoints with it.
		"externalized_checkpoints_enabled": true,
	}
	if o.Savepoint != "" {
		m["savepoint_path"], m["allow_non_restored_state"] = o.Savepoint, o.AllowLess
	}
	if o.Restarts >= 0 {
		m["number_of_execution_retries"], m["execution_retry_delay"] = o.Restarts, o.RestartDelay.Milliseconds()
	}
	return m
}
