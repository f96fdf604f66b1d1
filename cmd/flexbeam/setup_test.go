package main

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"flexbeam/internal/testkit/kinesisfake"
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
		{[]string{"--yes"}, []string{"created the sink DG", "created the subscription DF", "a test event came through the sink DG"}},
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
