package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/internal/testkit/tape"
	"flexbeam/internal/testkit/twiliolocal"
)

// A local Twilio delivers its test events to a local Kinesis: the command sets the account up, and
// finds nothing to do then.
func TestSetupMakesAPairOnce(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	streams := kinesisfake.New(kinesisfake.Options{Region: "eu-west-1", Account: "123456789012"})
	if err := streams.Start(); err != nil {
		t.Fatal(err)
	}
	defer streams.Close()
	client, name, shards := streams.Client(), "flex-events", int32(3)
	if _, err := client.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: &name, ShardCount: &shards}); err != nil {
		t.Fatal(err)
	}
	server := twiliolocal.New(twiliolocal.Options{Deliver: func(arn string, record []byte) {
		key := "k"
		_, _ = client.PutRecord(context.Background(), &kinesis.PutRecordInput{StreamARN: &arn, PartitionKey: &key, Data: record})
	}})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	t.Setenv("TWILIO_ACCOUNT_SID", server.Account())
	t.Setenv("TWILIO_API_KEY", server.Key())
	t.Setenv("TWILIO_API_SECRET", server.Secret())
	args := []string{
		"setup", "--stream=arn:aws:kinesis:eu-west-1:123456789012:stream/flex-events", "--role=arn:aws:iam::123456789012:role/twilio", "--external-id=x",
		"--endpoint=" + server.URL, "--kinesis-endpoint=" + streams.URL,
	}
	steps := []struct {
		more []string
		want []string
	}{
		{nil, []string{"create a sink", "37 event types", "nothing was done: --yes does it"}},
		{[]string{"--yes"}, []string{"created the sink DG", "created the subscription DF", "sent a test event, and waiting for it", "a test event came through the sink DG"}},
		{[]string{"--yes"}, []string{"nothing is to be done"}},
		{[]string{"--remove"}, []string{"remove the subscription DF", "remove the sink DG", "nothing was done"}},
		{[]string{"--remove", "--yes"}, []string{"removed the subscription DF", "removed the sink DG"}},
		{[]string{"--remove", "--yes"}, []string{"nothing is to be done"}},
	}
	for _, step := range steps {
		r := call(t, append(args, step.more...)...)
		if r.code != 0 {
			t.Fatalf("%v: exit %d: %s", step.more, r.code, r.errors)
		}
		for _, want := range step.want {
			if !strings.Contains(r.out, want) {
				t.Errorf("%v does not say %q:\n%s", step.more, want, r.out)
			}
		}
	}
}

func TestSetupShowsPoliciesAndMisuses(t *testing.T) {
	const stream = "--stream=arn:aws:kinesis:eu-west-1:123456789012:stream/flex-events"
	r := call(t, "setup", stream)
	if r.code != 0 || !strings.Contains(r.out, "sts:ExternalId") || !strings.Contains(r.out, "--external-id ") {
		t.Errorf("exit %d:\n%s", r.code, r.out)
	}
	t.Setenv("TWILIO_API_SECRET", "")
	tests := []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "--stream is missing"},
		{[]string{"--stream=flex-events"}, 2, "is no ARN of a stream"},
		{[]string{stream, "--role=arn:aws:iam::123456789012:role/twilio"}, 2, "--external-id is missing"},
		{[]string{"--remove", "--secret=abc"}, 1, "write env:NAME or file:PATH"},
		{[]string{"--remove"}, 1, "TWILIO_API_SECRET is not set"},
	}
	for _, tt := range tests {
		r := call(t, append([]string{"setup"}, tt.args...)...)
		if r.code != tt.code {
			t.Errorf("%v: exit %d", tt.args, r.code)
		}
		oneLine(t, r.errors, tt.want)
	}
}

// A test event that does not come ends the command with what was made, and what to do about it. The same
// command goes on then.
func TestASetupWithoutATestEventSaysWhatItHasMade(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	url := localKinesis(t, "--stream=flex-events")
	silent := twiliolocal.New(twiliolocal.Options{})
	if err := silent.Start(); err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	t.Setenv("TWILIO_ACCOUNT_SID", silent.Account())
	t.Setenv("TWILIO_API_KEY", silent.Key())
	t.Setenv("TWILIO_API_SECRET", silent.Secret())
	args := []string{
		"setup", "--stream=arn:aws:kinesis:us-east-1:000000000000:stream/flex-events", "--role=arn:aws:iam::000000000000:role/twilio", "--external-id=x",
		"--endpoint=" + silent.URL, "--kinesis-endpoint=" + url, "--wait=2s", "--yes",
	}
	for _, where := range []string{"--stream=arn:aws:kinesis:us-east-1:000000000000:stream/none", "--kinesis-endpoint=http://127.0.0.1:1"} {
		r := call(t, append(args, where)...)
		if r.code != 1 || strings.Contains(r.out, "created") {
			t.Errorf("%s: exit %d:\n%s", where, r.code, r.out)
		}
		oneLine(t, r.errors, "the test event could not be seen, so nothing was made")
	}
	for range 2 { // the second time the sink is there
		r := call(t, args...)
		if r.code != 1 || !strings.Contains(r.out, "sent a test event, and waiting for it in the stream, up to 2s") {
			t.Errorf("exit %d:\n%s", r.code, r.out)
		}
		oneLine(t, r.errors, "none has come within 2s", "the sink DG", "its subscription DF", "run the same command again", "flexbeam setup --remove --yes")
	}
	r := call(t, "setup", "--remove", "--yes", "--endpoint="+silent.URL)
	if r.code != 0 || !strings.Contains(r.out, "removed the sink") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errors)
	}
}

// What docs/twilio.md shows: a local Twilio that writes test events to a local Kinesis, which setup and
// doctor are tried with.
func TestSetupIsTriedWithLocalServices(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	url := localKinesis(t, "--stream=flex-events", "--retention=168")
	log := filepath.Join(t.TempDir(), "log.ndjson")
	mustRun(t, "simulate", "--tasks=20", "--start=96h", "--form=rest", "--out="+log)
	ctx, end := context.WithCancelCause(t.Context())
	var out, errs tape.Tape
	ended := make(chan int)
	go func() {
		ended <- realMain(ctx, []string{"local", "twilio", "--addr=127.0.0.1:0", "--events=" + log, "--kinesis-endpoint=" + url}, &out, &errs)
	}()
	defer func() {
		end(errInterrupted)
		if code := <-ended; code != 0 {
			t.Errorf("exit %d: %s", code, errs.String())
		}
	}()
	eventually(t, "line with the credentials", func() bool { return strings.Contains(out.String(), "TWILIO_API_SECRET=") })
	twilio := ""
	for word := range strings.FieldsSeq(out.String()) {
		if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "TWILIO_") {
			t.Setenv(name, value)
		} else if strings.HasPrefix(word, "http://") {
			twilio = strings.TrimRight(word, ",")
		}
	}
	ends := []string{"--endpoint=" + twilio, "--kinesis-endpoint=" + url}
	// Any account and region will do: the local Kinesis has its own.
	r := call(t, append([]string{"setup", "--stream=arn:aws:kinesis:eu-west-1:123456789012:stream/flex-events", "--role=arn:aws:iam::123456789012:role/twilio", "--external-id=x", "--yes"}, ends...)...)
	if r.code != 0 || !strings.Contains(r.out, "a test event came through the sink DG") {
		t.Fatalf("exit %d: %s%s%s", r.code, r.out, r.errors, errs.String())
	}
	for _, source := range [][]string{ends, {"--endpoint=" + twilio, "--source=kinesis:flex-events?endpoint=" + url}} {
		if r = call(t, append([]string{"doctor"}, source...)...); r.code != 0 || !strings.Contains(r.out, "nothing was found") || !strings.Contains(r.out, "ok  stream flex-events") {
			t.Errorf("%v: exit %d: %s%s", source, r.code, r.out, r.errors)
		}
	}
}
