package flink

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// good are options that can be.
func good() Options {
	o := NewOptions()
	o.Endpoint, o.REST = "127.0.0.1:8099", "127.0.0.1:8081"
	return o
}

func TestOptionsThatCannotBeAreToldWithWhatToWriteInstead(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options)
		want   string // "": they can be
	}{
		{"the defaults", func(*Options) { /* as they are */ }, ""},
		{"a URL for the REST interface", func(o *Options) { o.REST = "https://flink.example.com/x" }, ""},
		{"processes", func(o *Options) { o.Environment, o.Worker = Process, "/opt/w" }, ""},
		{"a pool", func(o *Options) { o.Environment, o.Worker = External, "localhost:50000" }, ""},
		{"no endpoint", func(o *Options) { o.Endpoint = "" }, "--flink-endpoint is missing"},
		{"no REST interface", func(o *Options) { o.REST = "" }, "--flink-rest is missing"},
		{"a URL for the endpoint", func(o *Options) { o.Endpoint = "http://x:1" }, "--flink-endpoint http://x:1: write HOST:PORT"},
		{"no host", func(o *Options) { o.REST = ":8081" }, "--flink-rest :8081: write HOST:PORT"},
		{"processes without a command", func(o *Options) { o.Environment = Process }, "--flink-worker is missing: give the command"},
		{"a pool without an address", func(o *Options) { o.Environment = External }, "--flink-worker is missing: give HOST:PORT"},
		{"a pool without a port", func(o *Options) { o.Environment, o.Worker = External, "localhost" }, "--flink-worker localhost: write HOST:PORT"},
		{"a worker in this process", func(o *Options) { o.Worker = "/opt/w" }, "choose --flink-environment process or external"},
		{"no parallelism", func(o *Options) { o.Parallelism = 0 }, "--flink-parallelism 0"},
		{"more than the most", func(o *Options) { o.Parallelism = 9 }, "--flink-max-parallelism 8"},
		{"checkpoints all the time", func(o *Options) { o.CheckpointEvery = time.Millisecond }, "--flink-checkpoint-every 1ms"},
		{"no bundle", func(o *Options) { o.BundleSize = 0 }, "--flink-bundle-size 0"},
		{"no time", func(o *Options) { o.BundleTime = 0 }, "--flink-bundle-time 0s"},
		{"never renewed", func(o *Options) { o.RenewEvery = 0 }, ""},
		{"renewed all the time", func(o *Options) { o.RenewEvery = time.Second }, "--flink-renew-every 1s"},
		{"back in time", func(o *Options) { o.RestartDelay = -1 }, "--flink-restart-delay -1ns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good()
			tt.change(&o)
			err := o.Check()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Flink's own options are first class, where the job server looks for them.
func TestOptionsReachFlinkUnderTheirNames(t *testing.T) {
	o := good()
	o.Parallelism, o.Savepoint, o.AllowLess, o.Restarts, o.RestartDelay = 2, "s3://b/s", true, 5, 2*time.Second
	got, err := pipelineOptions(o, true, "flexbeam-x")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"beam:option:app_name:v1":                           "flexbeam-x",
		"beam:option:job_name:v1":                           "flexbeam-x",
		"beam:option:experiments:v1":                        []any{"beam_fn_api"},
		"beam:option:go_options:v1":                         map[string]any{"options": map[string]any{}},
		"beam:option:streaming:v1":                          true,
		"beam:option:parallelism:v1":                        2.0,
		"beam:option:max_parallelism:v1":                    8.0,
		"beam:option:max_bundle_size:v1":                    5000.0,
		"beam:option:max_bundle_time_mills:v1":              1000.0,
		"beam:option:checkpointing_interval:v1":             10000.0,
		"beam:option:operator_chaining:v1":                  false,
		"beam:option:finish_bundle_before_checkpointing:v1": true,
		"beam:option:externalized_checkpoints_enabled:v1":   true,
		"beam:option:savepoint_path:v1":                     "s3://b/s",
		"beam:option:allow_non_restored_state:v1":           true,
		"beam:option:number_of_execution_retries:v1":        5.0,
		"beam:option:execution_retry_delay:v1":              2000.0,
	}
	if d := cmp.Diff(want, got.AsMap()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	o = good()
	got, err = pipelineOptions(o, false, "flexbeam-x")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"savepoint_path", "allow_non_restored_state", "number_of_execution_retries", "execution_retry_delay"} {
		if v, ok := got.AsMap()["beam:option:"+name+":v1"]; ok {
			t.Errorf("%s is %v, and was not asked for", name, v)
		}
	}
}
