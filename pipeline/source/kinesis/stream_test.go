package kinesis

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/pipeline/io/kinesisio"
)

const (
	arnA = "arn:aws:kinesis:eu-west-1:111111111111:stream/orders"
	arnB = "arn:aws:kinesis:eu-west-1:222222222222:stream/orders"
	role = "arn:aws:iam::222222222222:role/reader+1"
)

func TestStreamsAreReadFromText(t *testing.T) {
	tests := []struct {
		text string
		want []kinesisio.Stream
	}{
		{"orders", []kinesisio.Stream{{Name: "orders", As: "orders"}}},
		{arnA, []kinesisio.Stream{{ARN: arnA, Region: "eu-west-1", As: "orders"}}},
		{
			"a,b?region=eu-west-1&consumer=beam&start=latest",
			[]kinesisio.Stream{
				{Name: "a", Region: "eu-west-1", Consumer: "beam", Start: kinesisio.Start{Latest: true}, As: "a"},
				{Name: "b", Region: "eu-west-1", Consumer: "beam", Start: kinesisio.Start{Latest: true}, As: "b"},
			},
		},
		{
			"a?region=us-east-1&consumer=,b?region=eu-west-1&consumer=beam",
			[]kinesisio.Stream{{Name: "a", Region: "us-east-1", As: "a"}, {Name: "b", Region: "eu-west-1", Consumer: "beam", As: "b"}},
		},
		{
			"s?region=us-east-1,s?region=eu-west-1",
			[]kinesisio.Stream{{Name: "s", Region: "us-east-1", As: "us-east-1/s"}, {Name: "s", Region: "eu-west-1", As: "eu-west-1/s"}},
		},
		{arnA + "," + arnB, []kinesisio.Stream{{ARN: arnA, Region: "eu-west-1", As: arnA}, {ARN: arnB, Region: "eu-west-1", As: arnB}}},
		{
			"s?start=at:2026-01-02T03:04:05%2B01:00&endpoint=http://127.0.0.1:4567",
			[]kinesisio.Stream{{Name: "s", Endpoint: "http://127.0.0.1:4567", Start: kinesisio.Start{AtMS: 1767319445000}, As: "s"}},
		},
		{
			"s?start=at:2026-01-02T03:04:05+01:00",
			[]kinesisio.Stream{{Name: "s", Start: kinesisio.Start{AtMS: 1767319445000}, As: "s"}},
		},
		{
			"s?role_arn=" + role + "&external_id=x%26y%2Cz",
			[]kinesisio.Stream{{Name: "s", RoleARN: role, ExternalID: "x&y,z", As: "s"}},
		},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := ParseStreams(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("streams (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrongStreamsAreRefusedByName(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"", []string{"the name is missing"}},
		{"a,,b", []string{"the name is missing"}},
		{"a b", []string{`"a b"`, "letters, digits"}},
		{"arn:aws:sqs:eu-west-1:1:q", []string{"want an ARN like"}},
		{"s?colour=red", []string{"colour", "there are region"}},
		{"s?start", []string{"option start", "want start=VALUE"}},
		{"s?start=yesterday", []string{"option start", "trim-horizon, latest or at:TIME"}},
		{"s?start=at:noon", []string{"option start", "2026-01-31T08:00:00Z"}},
		{"s?endpoint=localhost:4567", []string{"option endpoint", "want a URL"}},
		{"s?role_arn=reader", []string{"option role_arn", "arn:aws:iam"}},
		{"s?external_id=x", []string{"option external_id", "role_arn"}},
		{"s?consumer=a b", []string{"option consumer", "letters"}},
		{"s?region=a&region=b", []string{"option region", "twice"}},
		{"s?region=", []string{"option region", "is empty"}},
		{"a?region=eu-west-1,s?consumer=", []string{`"s"`, "option consumer", "is empty"}},
		{"s?endpoint=http://:4567", []string{"option endpoint", "want a URL"}},
		{"s?region=%zz", []string{"option region"}},
		{"s,s", []string{`"s"`, "given twice", "ARN"}},
		{arnA + "?region=us-east-1", []string{"option region", "the ARN has another"}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			_, err := ParseStreams(test.text)
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q: want it to say %q", err, want)
				}
			}
		})
	}
}
