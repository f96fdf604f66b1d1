package send

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/google/go-cmp/cmp"
)

func TestTargetsAreRead(t *testing.T) {
	tests := []struct {
		uri  string
		want Target
	}{
		{"kinesis:demo", Target{Stream: "demo"}},
		{"kinesis:demo?region=eu-west-1", Target{Stream: "demo", Region: "eu-west-1"}},
		{"kinesis:demo?endpoint=http://127.0.0.1:4567", Target{Stream: "demo", Endpoint: "http://127.0.0.1:4567"}},
		{"kinesis:a.b-c_1?role_arn=arn:aws:iam::1:role/x&external_id=y%26z", Target{Stream: "a.b-c_1", RoleARN: "arn:aws:iam::1:role/x", ExternalID: "y&z"}},
		{"kinesis:arn:aws:kinesis:eu-west-1:123456789012:stream/demo", Target{Stream: "arn:aws:kinesis:eu-west-1:123456789012:stream/demo", Region: "eu-west-1"}},
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
		{"kinesis:", "neither the name nor the ARN"},
		{"kinesis:a b", "neither the name nor the ARN"},
		{"kinesis:a,b", "neither the name nor the ARN"},
		{"kinesis:demo?speed=3", "speed is no option"},
		{"kinesis:demo?region=", "region is empty"},
		{"kinesis:demo?region=a&region=b", "2 times"},
		{"kinesis:demo?endpoint=127.0.0.1:4567", "http://"},
		{"kinesis:demo?endpoint=ftp://127.0.0.1", "http://"},
		{"kinesis:demo?external_id=x", "role_arn"},
		{"kinesis:demo?%zz", "cannot be read"},
	}
	for _, tt := range tests {
		if got, err := ParseTarget(tt.uri); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v", tt.uri, got, err)
		}
	}
}

// bare makes an environment without any AWS configuration.
func bare(t *testing.T) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_ROLE_ARN": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

func TestLocalServersNeedNoCredentialsAndOthersDo(t *testing.T) {
	bare(t)
	for _, endpoint := range []string{"http://127.0.0.1:4567", "http://localhost:4567", "http://[::1]:4567"} {
		c, err := Open(context.Background(), Target{Stream: "demo", Endpoint: endpoint})
		if err != nil {
			t.Fatalf("%s: %v", endpoint, err)
		}
		o := c.Options()
		if found, err := o.Credentials.Retrieve(context.Background()); err != nil || found.AccessKeyID != "local" || o.Region != "us-east-1" || *o.BaseEndpoint != endpoint {
			t.Errorf("%s: key %q, region %q, endpoint %q, %v", endpoint, found.AccessKeyID, o.Region, *o.BaseEndpoint, err)
		}
	}
	for _, tt := range []struct {
		target Target
		want   string
	}{
		{Target{Stream: "demo"}, "kinesis:demo?region=eu-west-1"},
		{Target{Stream: "demo", Region: "eu-west-1"}, "there are no AWS credentials"},
		{Target{Stream: "demo", Region: "eu-west-1", Endpoint: "https://kinesis.example.com"}, "there are no AWS credentials"},
	} {
		if _, err := Open(context.Background(), tt.target); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt.target, err)
		}
	}
}

func TestCredentialsOfTheEnvironmentAreUsedEverywhere(t *testing.T) {
	bare(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "mine")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "eu-central-1")
	for _, target := range []Target{{Stream: "demo"}, {Stream: "demo", Endpoint: "http://127.0.0.1:4567"}} {
		c, err := Open(context.Background(), target)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := c.Options().Credentials.Retrieve(context.Background()); err != nil || found.AccessKeyID != "mine" || c.Options().Region != "eu-central-1" {
			t.Errorf("%+v: key %q, region %q, %v", target, found.AccessKeyID, c.Options().Region, err)
		}
	}
}

// early answers a request before it has read its whole body, and the SDK closes the body then.
type early struct{ t *testing.T }

func (e early) Do(r *http.Request) (*http.Response, error) {
	if _, err := io.CopyN(io.Discard, r.Body, r.ContentLength); err != nil {
		e.t.Error(err)
	}
	if err := r.Body.Close(); err != nil {
		e.t.Error(err)
	}
	if n, err := io.Copy(io.Discard, r.Body); n != 0 || err != nil {
		e.t.Errorf("%d bytes behind the end, %v", n, err)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"Records":[{"ShardId":"s"}]}`))}, nil
}

func TestAnEarlyAnswerBreaksNoConnection(t *testing.T) {
	bare(t)
	c, err := Open(context.Background(), Target{Stream: "demo", Endpoint: "http://127.0.0.1:4567"})
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options()
	o.HTTPClient = plainBodies{early{t}}
	sum, err := New(kinesis.New(o), "demo", Options{}).send(context.Background(), begun, records(1, 0))
	if err != nil || sum.Sent != 1 || sum.Retries != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}
