package send

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

// API is the call that sending needs. [*kinesis.Client] has it; its own retries should be off, since a Sender counts and paces them.
type API interface {
	PutRecords(context.Context, *kinesis.PutRecordsInput, ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error)
}

var _ API = (*kinesis.Client)(nil)

// callTimeout ends a call without an answer. It is tried again.
const callTimeout = 15 * time.Second

// Open returns a client for a target, with the credentials that AWS programs find in the environment, shared files or the machine's
// role. A server on this machine needs none: without credentials it gets invented ones, without a region us-east-1.
func Open(ctx context.Context, t Target) (*kinesis.Client, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(callTimeout)),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		config.WithLogger(logging.Nop{}), // what is wrong comes back as an error
	}
	if t.Region != "" {
		options = append(options, config.WithRegion(t.Region))
	}
	if t.local() {
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled)) // the machine's role is none of a local server's business
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if c.Region == "" {
		if !t.local() {
			return nil, fmt.Errorf("stream %s has no region: write such as kinesis:%s?region=eu-west-1, or set AWS_REGION", t.Stream, t.Stream)
		}
		c.Region = "us-east-1"
	}
	if _, err := c.Credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !t.local() {
			return nil, fmt.Errorf("there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role: %w", err)
		}
		c.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
	}
	if t.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c), t.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "flexbeam-simulate"
			if t.ExternalID != "" {
				o.ExternalID = &t.ExternalID
			}
		})
		c.Credentials = aws.NewCredentialsCache(role)
		if _, err := c.Credentials.Retrieve(ctx); err != nil {
			return nil, fmt.Errorf("the role %s cannot be assumed: look at its trust policy and external id: %w", t.RoleARN, err)
		}
	}
	return kinesis.NewFromConfig(c, func(o *kinesis.Options) {
		o.HTTPClient = plainBodies{o.HTTPClient}
		if t.Endpoint != "" {
			o.BaseEndpoint = &t.Endpoint
		}
	}), nil
}

// plainBodies sends the bodies of requests by Read alone. The SDK closes a body as soon as the head of the answer is there, and its
// WriteTo then fails where Read would say that the end is reached. Where a server answers before net/http has looked for that end, as
// servers on the same machine do, net/http would cut the connection in the middle of the answer.
type plainBodies struct{ kinesis.HTTPClient }

// Do implements kinesis.HTTPClient.
func (c plainBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.HTTPClient.Do(r)
}
