package kinesisfake

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// Client returns a client of the started server that never retries, so that a test sees each error.
func (s *Server) Client(opts ...func(*kinesis.Options)) *kinesis.Client {
	return kinesis.New(kinesis.Options{
		Region:       s.opts.Region,
		Credentials:  credentials.NewStaticCredentialsProvider("fake", "fake", ""),
		BaseEndpoint: aws.String(s.URL),
		HTTPClient:   s.client,
		Retryer:      aws.NopRetryer{},
	}, opts...)
}

// HTTPClient returns a client for use with the AWS SDK against servers on the same machine.
//
// The SDK closes the body of a request as soon as there is an answer. net/http may then still be
// about to see whether the body has ended; the SDK's body, asked to write itself after it was
// closed, says EOF as an error, and net/http breaks the connection in the middle of the answer.
// This client hides that the body can write itself: read, it ends as it should.
func HTTPClient() *http.Client {
	return &http.Client{Transport: plainBodies{http.DefaultTransport.(*http.Transport).Clone()}}
}

type plainBodies struct{ next *http.Transport }

func (p plainBodies) CloseIdleConnections() { p.next.CloseIdleConnections() }

func (p plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r = r.Clone(r.Context())
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return p.next.RoundTrip(r)
}
