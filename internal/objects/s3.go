package objects

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
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

// An s3Store is S3, or a server that speaks its protocol.
type s3Store struct{ api *s3.Client }

// connections is how many are kept open for further calls.
const connections = 64

// openS3 finds the region and the credentials.
func openS3(ctx context.Context, c Config) (store, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRegion(c.Region),
		config.WithLogger(logging.Nop{}), // what is wrong comes back as an error
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, connections
		})),
	}
	if c.local() {
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("%w: load the AWS configuration: %w", ErrAccess, err)
	}
	if cfg.Region == "" {
		if !c.local() {
			return nil, fmt.Errorf("%w: no AWS region: set AWS_REGION, or add ?region=us-east-1 or the like to the URL", ErrAccess)
		}
		cfg.Region = "us-east-1"
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if !c.local() {
			return nil, fmt.Errorf("%w: no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role: %w", ErrAccess, err)
		}
		cfg.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
	}
	return &s3Store{s3.NewFromConfig(cfg, func(o *s3.Options) {
		if c.Endpoint != "" {
			o.BaseEndpoint = &c.Endpoint
		}
		o.UsePathStyle = o.BaseEndpoint != nil // names of buckets are seldom hosts of other servers
		o.Retryer = aws.NopRetryer{}           // the client tries again
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})}, nil
}

// local tells whether the endpoint is a server on this machine.
func (c Config) local() bool {
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

func (s *s3Store) list(ctx context.Context, bucket, prefix, delimiter, token string) (page, error) {
	in := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}
	if delimiter != "" {
		in.Delimiter = &delimiter
	}
	if token != "" {
		in.ContinuationToken = &token
	}
	out, err := s.api.ListObjectsV2(ctx, in)
	if err != nil {
		return page{}, explain(err, ErrMissing)
	}
	var p page
	for _, o := range out.Contents {
		p.objects = append(p.objects, Object{URL: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Version: aws.ToString(o.ETag)})
	}
	for _, c := range out.CommonPrefixes {
		p.prefixes = append(p.prefixes, aws.ToString(c.Prefix))
	}
	if aws.ToBool(out.IsTruncated) {
		p.next = aws.ToString(out.NextContinuationToken)
		if p.next == "" || p.next == token {
			return page{}, fmt.Errorf("the listing of %s goes on, and does not say where", bucket)
		}
	}
	return p, nil
}

func (s *s3Store) open(ctx context.Context, o place, version string, offset, length int64) (io.ReadCloser, error) {
	out, err := s.api.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &o.bucket, Key: &o.key, IfMatch: &version, Range: aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)),
	})
	if err != nil {
		return nil, explain(err, ErrChanged)
	}
	// Not every server heeds the condition, or the range.
	if got := aws.ToString(out.ETag); got != version {
		_ = out.Body.Close()
		return nil, fmt.Errorf("%w: its ETag is %s, and was %s", ErrChanged, got, version)
	}
	if got := aws.ToString(out.ContentRange); (got != "" || offset > 0) && !strings.HasPrefix(got, fmt.Sprintf("bytes %d-", offset)) {
		_ = out.Body.Close()
		return nil, fmt.Errorf("%w: the server sent %q, and was asked for those from %d on", errRange, got, offset)
	}
	return out.Body, nil
}

func (s *s3Store) close() error { return nil }

var errRange = errors.New("other bytes than those that were asked for")
