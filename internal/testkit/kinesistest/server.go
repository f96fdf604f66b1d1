package kinesistest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"flexbeam/internal/testkit/kinesisfake"
)

// patience is how long anything may take that has to happen; generous, since machines are slow at
// times.
const patience = 2 * time.Minute

// Region and Key are what the servers are addressed with; none of them checks a signature.
const (
	Region = "us-east-1"
	Key    = "test"
)

// A Server answers at URL until the test ends.
type Server struct {
	Name string
	URL  string
	Fake *kinesisfake.Server // nil for others
}

// StartFake starts the fake.
func StartFake(t testing.TB, o kinesisfake.Options) *Server {
	t.Helper()
	f := kinesisfake.New(o)
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return &Server{Name: "fake", URL: f.URL, Fake: f}
}

// Chosen returns the functions that start the servers of FLEXBEAM_TEST_KINESIS, by name.
func Chosen(t testing.TB) map[string]func(testing.TB) *Server {
	t.Helper()
	all := map[string]func(testing.TB) *Server{
		"fake":          func(t testing.TB) *Server { return StartFake(t, kinesisfake.Options{}) },
		"kinesis-local": StartKinesisLocal,
		"ferrokinesis":  func(t testing.TB) *Server { return StartFerrokinesis(t) },
	}
	switch v := os.Getenv("FLEXBEAM_TEST_KINESIS"); v {
	case "all":
	case "local", "":
		delete(all, "ferrokinesis")
	case "fake":
		delete(all, "ferrokinesis")
		delete(all, "kinesis-local")
	default:
		t.Fatalf("FLEXBEAM_TEST_KINESIS=%s: it must be fake, local or all", v)
	}
	return all
}

// connections are those of all clients.
var connections = kinesisfake.HTTPClient()

// Client returns a client that never retries, so that a test sees each error.
func (s *Server) Client(opts ...func(*kinesis.Options)) *kinesis.Client {
	return kinesis.New(kinesis.Options{
		Region:       Region,
		Credentials:  credentials.NewStaticCredentialsProvider(Key, "secret", ""),
		BaseEndpoint: aws.String(s.URL),
		HTTPClient:   connections,
		Retryer:      aws.NopRetryer{},
	}, opts...)
}

var streams atomic.Int64

// StreamName returns a name that no other stream of the process has, made from that of the test.
func StreamName(t testing.TB) string {
	clean := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}
	name := strings.Map(clean, t.Name())
	return fmt.Sprintf("%s-%d", name[max(0, len(name)-100):], streams.Add(1))
}

// CreateStream creates a stream of a new name with the given number of shards, waits until it is
// ACTIVE and returns the name.
func (s *Server) CreateStream(t testing.TB, shards int) string {
	t.Helper()
	name := StreamName(t)
	if _, err := s.Client().CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(int32(shards))}); err != nil {
		t.Fatalf("%s: create stream %s: %v", s.Name, name, err)
	}
	s.WaitActive(t, name)
	return name
}

// WaitActive waits until a stream is ACTIVE.
func (s *Server) WaitActive(t testing.TB, stream string) {
	t.Helper()
	c := s.Client()
	Eventually(t, fmt.Sprintf("%s: stream %s is ACTIVE", s.Name, stream), func() bool {
		d, err := c.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &stream})
		return err == nil && d.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive
	})
}

// Eventually waits until the condition holds, and fails the test if it never does.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("after %s it still does not hold that %s", patience, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// answers tells whether the server at url lists its streams.
func answers(ctx context.Context, s *Server) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := s.Client().ListStreams(ctx, &kinesis.ListStreamsInput{})
	return err == nil
}
