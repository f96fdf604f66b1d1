package main

import (
	"context"
	"strings"
	"testing"

	"flexbeam/internal/testkit/tape"
)

// Scripts that know the local services by their former names go on, and nobody else sees these names.
func TestFormerNamesOfLocalServicesStillWork(t *testing.T) {
	tests := []struct {
		args []string
		says string // on standard output, when the service is up
	}{
		{[]string{"kinesis-local", "--addr=127.0.0.1:0"}, "Kinesis at http://127.0.0.1:"},
		{[]string{"bigquery-local", "--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0"}, "BigQuery on this machine: REST at http://127.0.0.1:"},
	}
	for _, tt := range tests {
		ctx, cancel := context.WithCancelCause(t.Context())
		var out, errs tape.Tape
		ended := make(chan int)
		go func() { ended <- realMain(ctx, tt.args, &out, &errs) }()
		eventually(t, tt.args[0], func() bool { return out.String() != "" || errs.String() != "" })
		if !strings.HasPrefix(out.String(), tt.says) {
			t.Errorf("%s says %q, and %q", tt.args[0], out.String(), errs.String())
		}
		cancel(errInterrupted)
		if code := <-ended; code != 0 {
			t.Errorf("%s: exit %d: %s", tt.args[0], code, errs.String())
		}
	}
	for _, args := range [][]string{{"--help"}, {"local", "--help"}, {"nothing"}, {"__complete", ""}} {
		if r := call(t, args...); strings.Contains(r.out+r.errors, "-local") {
			t.Errorf("flexbeam %s shows a former name:\n%s%s", strings.Join(args, " "), r.out, r.errors)
		}
	}
	r := call(t, "kinesis-local", "--shards=0")
	if r.code != 2 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "flexbeam kinesis-local", "--shards 0")
}
