package objectlocal

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"flexbeam/internal/testkit/childtest"
	"flexbeam/internal/testkit/install"
)

// Program is the folder of the module with the servers.
const Program = "internal/testkit/objectlocal/servers"

// The credentials of the server of S3's protocol.
const (
	access = "local-access"
	secret = "local-secret"
)

// A Server keeps objects until the test ends.
type Server struct {
	Scheme string // of the URLs of its objects: s3 or gs
	URL    string // of the server itself

	put    func(ctx context.Context, bucket, key string, data []byte) error
	delete func(ctx context.Context, bucket, key string) error
	create func(ctx context.Context, bucket string) error
}

// Each runs a test with each of the servers. The environment of the process has the credentials
// meanwhile, and names the server of Google Cloud Storage's API.
func Each(t *testing.T, test func(t *testing.T, s *Server)) {
	t.Run("s3", func(t *testing.T) { test(t, StartS3(t)) })
	t.Run("gs", func(t *testing.T) { test(t, StartGCS(t)) })
}

// StartS3 starts the server of S3's protocol.
func StartS3(t testing.TB) *Server {
	t.Helper()
	folder, err := os.MkdirTemp("", "s3-") // a short path, since it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	address := childtest.Serve(t, exec.Command(install.Go(t, Program), "s3", folder))
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	s := &Server{Scheme: "s3", URL: "http://" + address}
	api := s3.New(s3.Options{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""), BaseEndpoint: &s.URL, UsePathStyle: true,
	})
	s.create = func(ctx context.Context, bucket string) error {
		_, err := api.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
		return err
	}
	s.put = func(ctx context.Context, bucket, key string, data []byte) error {
		_, err := api.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data)))})
		return err
	}
	s.delete = func(ctx context.Context, bucket, key string) error {
		_, err := api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
		return err
	}
	s.await(t, func(ctx context.Context) error {
		_, err := api.ListBuckets(ctx, &s3.ListBucketsInput{})
		return err
	})
	return s
}

// StartGCS starts the server of Google Cloud Storage's API.
func StartGCS(t testing.TB) *Server {
	t.Helper()
	address := childtest.Serve(t, exec.Command(install.Go(t, Program), "gs"))
	t.Setenv("STORAGE_EMULATOR_HOST", address)
	s := &Server{Scheme: "gs", URL: "http://" + address}
	api, err := storage.NewClient(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	s.create = func(ctx context.Context, bucket string) error { return api.Bucket(bucket).Create(ctx, "local", nil) }
	s.put = func(ctx context.Context, bucket, key string, data []byte) error {
		w := api.Bucket(bucket).Object(key).NewWriter(ctx)
		if _, err := w.Write(data); err != nil {
			return err
		}
		return w.Close()
	}
	s.delete = func(ctx context.Context, bucket, key string) error { return api.Bucket(bucket).Object(key).Delete(ctx) }
	return s
}

// await waits until the server answers.
func (s *Server) await(t testing.TB, ask func(context.Context) error) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := ask(context.Background())
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the server does not answer: %v", err)
		}
	}
}

var buckets atomic.Int64

// Bucket makes a bucket of a new name and returns its URL, with a slash at its end.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", buckets.Add(1))
	if err := s.create(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	return s.Scheme + "://" + name + "/"
}

// Put writes an object.
func (s *Server) Put(t testing.TB, url string, data []byte) {
	t.Helper()
	bucket, key := s.split(url)
	if err := s.put(context.Background(), bucket, key, data); err != nil {
		t.Fatalf("put %s: %v", url, err)
	}
}

// Delete deletes an object.
func (s *Server) Delete(t testing.TB, url string) {
	t.Helper()
	bucket, key := s.split(url)
	if err := s.delete(context.Background(), bucket, key); err != nil {
		t.Fatalf("delete %s: %v", url, err)
	}
}

func (s *Server) split(url string) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(url, s.Scheme+"://"), "/")
	return bucket, key
}

// Options returns what a source of a URL of this server needs behind it: a question mark and options, or
// nothing.
func (s *Server) Options() string {
	if s.Scheme == "gs" {
		return ""
	}
	return "?endpoint=" + s.URL
}
