package kinesisio

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/google/go-cmp/cmp"
)

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

// access is what a client was given.
type access struct{ Key, Region, Endpoint string }

// accessOf returns what the client of a stream was given.
func accessOf(t *testing.T, s Stream) access {
	t.Helper()
	c, err := s.Client(t.Context())
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	o := c.Options()
	found, err := o.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	a := access{Key: found.AccessKeyID, Region: o.Region}
	if o.BaseEndpoint != nil {
		a.Endpoint = *o.BaseEndpoint
	}
	return a
}

func TestAServerOnThisMachineNeedsNeitherRegionNorCredentials(t *testing.T) {
	bare(t)
	for _, endpoint := range []string{"http://127.0.0.1:4567", "http://127.1.2.3", "http://localhost:4567", "http://kinesis.localhost:4567", "http://[::1]:4567"} {
		if diff := cmp.Diff(access{"local", "us-east-1", endpoint}, accessOf(t, Stream{Name: "s", Endpoint: endpoint})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", endpoint, diff)
		}
	}
}

func TestTheMachinesRoleIsNotAskedForAServerOnThisMachine(t *testing.T) {
	bare(t)
	asked := make(chan string, 100)
	imds := localServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.WriteHeader(http.StatusNotFound)
	})
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds)
	accessOf(t, Stream{Name: "s", Endpoint: "http://127.0.0.1:4567"})
	if len(asked) > 0 {
		t.Errorf("asked for %s", <-asked)
	}
	if _, err := (Stream{Name: "s", Region: "eu-west-1"}).Client(t.Context()); err == nil || len(asked) == 0 {
		t.Errorf("asked %d times for another server, %v", len(asked), err)
	}
}

func TestOtherServersNeedRegionAndCredentials(t *testing.T) {
	bare(t)
	const none = "no AWS credentials: set AWS_PROFILE"
	tests := []struct {
		s    Stream
		want string
	}{
		{Stream{Name: "s"}, "?region=eu-west-1, or set AWS_REGION"},
		{Stream{Name: "s", Region: "eu-west-1"}, none},
		{Stream{Name: "s", Region: "eu-west-1", Endpoint: "https://kinesis.example.com"}, none},
		{Stream{Name: "s", Region: "eu-west-1", Endpoint: "http://notlocalhost:4567"}, none},
		{Stream{Name: "s", Region: "eu-west-1", RoleARN: role}, none},
	}
	for _, test := range tests {
		if _, err := test.s.Client(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "kinesis: stream s: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v: want it to say %q", test.s, err, test.want)
		}
	}
}

func TestCredentialsOfTheEnvironmentAreUsedEverywhere(t *testing.T) {
	bare(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "mine")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "eu-central-1")
	for _, endpoint := range []string{"", "http://127.0.0.1:4567"} {
		if diff := cmp.Diff(access{"mine", "eu-central-1", endpoint}, accessOf(t, Stream{Name: "s", Endpoint: endpoint})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", endpoint, diff)
		}
	}
}

func TestARoleThatIsRefusedSaysWhatToLookAt(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_STS", localServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>`)
	}))
	_, err := Stream{Name: "s", RoleARN: role}.Client(t.Context())
	for _, want := range []string{"stream s", "assume role " + role, "not you", "trust these credentials", "external_id"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v: want it to say %q", err, want)
		}
	}
}

func TestAnEndWhileCredentialsAreLookedForIsNoLackOfThem(t *testing.T) {
	bare(t)
	why := errors.New("enough")
	ctx, end := context.WithCancelCause(t.Context())
	end(why)
	for _, endpoint := range []string{"", "http://127.0.0.1:4567"} {
		if _, err := (Stream{Name: "s", Region: "eu-west-1", Endpoint: endpoint}).Client(ctx); !errors.Is(err, why) {
			t.Errorf("endpoint %q: %v, want the cause", endpoint, err)
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
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"Shards":[]}`))}, nil
}

func TestAnEarlyAnswerBreaksNoConnection(t *testing.T) {
	name := "s"
	c, err := Stream{Name: name, Endpoint: "http://127.0.0.1:4567"}.Client(t.Context(), func(o *sdk.Options) {
		if limit := o.HTTPClient.(*awshttp.BuildableClient).GetTimeout(); limit != 0 {
			t.Errorf("a call may take %v", limit)
		}
		o.HTTPClient = early{t}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListShards(t.Context(), &sdk.ListShardsInput{StreamName: &name}); err != nil {
		t.Error(err)
	}
}

// localServer returns the address of a server that answers by a function.
func localServer(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}
