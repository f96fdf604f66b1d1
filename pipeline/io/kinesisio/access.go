package kinesisio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

// connections to a server are kept when they are idle: about one for each shard.
const connections = 256

// Client returns a client for the stream: with its region, endpoint and role, and the credentials
// that AWS programs find in the environment, shared files or the machine's role. It looks for them
// at once, so that what is missing is said before the first call, with what to do about it.
//
// A server on this machine, which is one at localhost, NAME.localhost or a loopback address, needs
// neither region nor credentials: without any it gets us-east-1 and invented ones. The machine's
// role is none of its business.
//
// optFns find an [*awshttp.BuildableClient] without a time limit as the HTTPClient, and may change
// or replace it.
func (s Stream) Client(ctx context.Context, optFns ...func(*sdk.Options)) (*sdk.Client, error) {
	cfg, err := s.load(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, &Error{Stream: s.ID(), Kind: kindOf(err), Err: err}
	}
	return sdk.NewFromConfig(cfg, func(o *sdk.Options) {
		o.HTTPClient = o.HTTPClient.(*awshttp.BuildableClient).WithTimeout(0) // a subscription lasts minutes
		if s.Endpoint != "" {
			o.BaseEndpoint = aws.String(s.Endpoint)
		}
		for _, fn := range optFns {
			fn(o)
		}
		o.HTTPClient = plainBodies{o.HTTPClient}
	}), nil
}

// What may be missing of a client's configuration. Errors of Client that wrap one of these wrap
// ErrCredentials, too.
var (
	ErrNoRegion      = errors.New("the region is not known: add one such as ?region=eu-west-1, or set AWS_REGION")
	ErrNoCredentials = errors.New("no AWS credentials")
	ErrRole          = errors.New("assume role")
)

// kindOf returns the kind of an error of load; nil: none of its own.
func kindOf(err error) error {
	for _, missing := range []error{ErrNoRegion, ErrNoCredentials, ErrRole} {
		if errors.Is(err, missing) {
			return ErrCredentials
		}
	}
	return nil
}

// load finds region and credentials. The services that give credentials have as long for an answer
// as any call.
func (s Stream) load(ctx context.Context) (aws.Config, error) {
	loaded := []func(*config.LoadOptions) error{
		config.WithRegion(s.Region),
		config.WithLogger(logging.Nop{}), // what is wrong comes back as an error
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(answerTime).WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, connections
		})),
	}
	if s.local() {
		loaded = append(loaded, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	cfg, err := config.LoadDefaultConfig(ctx, loaded...)
	if err != nil {
		return cfg, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		if !s.local() {
			return cfg, ErrNoRegion
		}
		cfg.Region = "us-east-1"
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if !s.local() {
			return cfg, fmt.Errorf("%w: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role: %w", ErrNoCredentials, err)
		}
		cfg.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
	}
	if s.RoleARN == "" {
		return cfg, nil
	}
	cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), s.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "beam-kinesis"
		if s.ExternalID != "" {
			o.ExternalID = aws.String(s.ExternalID)
		}
	}))
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return cfg, fmt.Errorf("%w %s: %w (does the role trust these credentials, and is external_id right?)", ErrRole, s.RoleARN, err)
	}
	return cfg, nil
}

// local tells whether the stream is on a server on this machine.
func (s Stream) local() bool {
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// plainBodies sends the bodies of requests by Read alone. The SDK closes a body as soon as the head
// of the answer is there, and its WriteTo then fails where Read would say that the end is reached.
// Where a server answers before net/http has looked for that end, as servers on the same machine
// do, net/http would cut the connection in the middle of the answer.
type plainBodies struct{ sdk.HTTPClient }

// Do implements sdk.HTTPClient.
func (c plainBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.HTTPClient.Do(r)
}
