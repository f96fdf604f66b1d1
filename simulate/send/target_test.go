package send

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/pipeline/io/kinesisio"
)

func TestTargetsAreRead(t *testing.T) {
	const arn, role = "arn:aws:kinesis:eu-west-1:123456789012:stream/demo", "arn:aws:iam::123456789012:role/x"
	tests := []struct {
		uri  string
		want kinesisio.Stream
	}{
		{"kinesis:demo", kinesisio.Stream{Name: "demo", As: "demo"}},
		{"kinesis:demo?region=eu-west-1", kinesisio.Stream{Name: "demo", Region: "eu-west-1", As: "demo"}},
		{"kinesis:demo?endpoint=http://127.0.0.1:4567", kinesisio.Stream{Name: "demo", Endpoint: "http://127.0.0.1:4567", As: "demo"}},
		{"kinesis:a.b-c_1?role_arn=" + role + "&external_id=y%26z", kinesisio.Stream{Name: "a.b-c_1", RoleARN: role, ExternalID: "y&z", As: "a.b-c_1"}},
		{"kinesis:" + arn, kinesisio.Stream{ARN: arn, Region: "eu-west-1", As: "demo"}},
	}
	for _, tt := range tests {
		got, err := ParseTarget(tt.uri)
		if err != nil {
			t.Errorf("%s: %v", tt.uri, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.uri, diff)
		}
	}
}

func TestWrongTargetsAreRefusedWithAdvice(t *testing.T) {
	tests := []struct{ uri, want string }{
		{"demo", "kinesis:STREAM"},
		{"file:demo", "kinesis:STREAM"},
		{"kinesis:", "the name is missing"},
		{"kinesis:a b", "a name has letters, digits"},
		{"kinesis:arn:aws:sqs:eu-west-1:1:q", "want an ARN like"},
		{"kinesis:a,b", "send to one"},
		{"kinesis:demo?speed=3", `unknown option "speed": there are region, endpoint, role_arn, external_id`},
		{"kinesis:demo?start=trim-horizon", `a stream to send to: kinesis: stream "demo": unknown option "start"`},
		{"kinesis:demo?region=eu-west-1&consumer=beam", `unknown option "consumer"`},
		{"kinesis:demo?region=", "region: is empty"},
		{"kinesis:demo?region", "want region=VALUE"},
		{"kinesis:demo?region=a&region=b", "twice"},
		{"kinesis:demo?endpoint=127.0.0.1:4567", "http://"},
		{"kinesis:demo?endpoint=ftp://127.0.0.1", "http://"},
		{"kinesis:demo?external_id=x", "role_arn"},
		{"kinesis:demo?%zz", `unknown option "%zz"`},
		{"kinesis:demo?region=%zz", `invalid URL escape "%zz"`},
	}
	for _, tt := range tests {
		if got, err := ParseTarget(tt.uri); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v", tt.uri, got, err)
		}
	}
}
