// Package dataflowapi speaks to Google's Dataflow service: which jobs it has, how they stand and what
// it says of them, and how one is created, drained and canceled. It also puts files into Cloud
// Storage, where the service reads the graphs of jobs.
//
// Calls that the service refuses for a while, or that get no answer, are made again.
package dataflowapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/dataflow/v1b3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"
)

// The errors of a client.
var (
	ErrUnreachable = errors.New("no answer from Dataflow")
	ErrNoJob       = errors.New("no such job on Dataflow")
	ErrRefused     = errors.New("refused by Dataflow")
	ErrForbidden   = errors.New("not allowed on Dataflow")
	ErrSameName    = errors.New("another job of this name runs on Dataflow")
)

// A Place says where jobs are.
type Place struct {
	Project, Region string // required

	Endpoint        string // URL of the service; empty: Google's
	StorageEndpoint string // URL of Cloud Storage's JSON interface; empty: Google's

	Within time.Duration // a call is made again for that long; 0: two minutes
}

// A Client speaks to the service about the jobs of one region of a project. Its methods may be called
// from several goroutines.
type Client struct {
	place Place
	jobs  *dataflow.ProjectsLocationsJobsService
}

// agent is how this program names itself to Google.
const agent = "flexbeam"

// New returns a client. Credentials are the Application Default Credentials, and none over plain
// HTTP.
func New(ctx context.Context, p Place) (*Client, error) {
	if p.Within == 0 {
		p.Within = 2 * time.Minute
	}
	jobs, err := dataflow.NewService(ctx, options(p.Endpoint, dataflow.CloudPlatformScope)...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return &Client{place: p, jobs: jobs.Projects.Locations.Jobs}, nil
}

// options returns those of a client for an endpoint.
func options(endpoint, scope string) []option.ClientOption {
	all := []option.ClientOption{option.WithUserAgent(agent)}
	if endpoint != "" {
		all = append(all, option.WithEndpoint(endpoint))
	}
	if strings.HasPrefix(endpoint, "http:") {
		return append(all, option.WithoutAuthentication(), option.WithHTTPClient(http.DefaultClient))
	}
	return append(all, option.WithScopes(scope))
}

// answered makes a call, and makes it again for as long as the place says while the service is not there
// or asks for fewer calls. It returns the answer.
func answered[T any](ctx context.Context, c *Client, call func(ctx context.Context) (T, error)) (T, error) {
	ctx, stop := context.WithTimeout(ctx, c.place.Within)
	defer stop()
	backoff := gax.Backoff{Initial: 500 * time.Millisecond, Max: 20 * time.Second, Multiplier: 2}
	for {
		answer, err := call(ctx)
		if err == nil || !passing(err) || gax.Sleep(ctx, backoff.Pause()) != nil {
			return answer, explain(err)
		}
	}
}

// passing tells whether a call may succeed later.
func passing(err error) bool {
	var e *googleapi.Error
	if !errors.As(err, &e) {
		var u *url.Error // the connection broke, or was not made
		return errors.As(err, &u) && !errors.Is(err, context.Canceled)
	}
	return e.Code == http.StatusTooManyRequests || e.Code == http.StatusRequestTimeout || e.Code >= http.StatusInternalServerError
}

// explain returns an error of the service as one of this package.
func explain(err error) error {
	var e *googleapi.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e), passing(err):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case e.Code == http.StatusConflict:
		return fmt.Errorf("%w: %s", ErrSameName, e.Message)
	case e.Code == http.StatusNotFound:
		return fmt.Errorf("%w: %s", ErrNoJob, e.Message)
	case e.Code == http.StatusUnauthorized, e.Code == http.StatusForbidden:
		return fmt.Errorf("%w: %s: the account needs the roles Dataflow Developer and Service Account User, and may write to the bucket", ErrForbidden, e.Message)
	default:
		return fmt.Errorf("%w: %s", ErrRefused, e.Message)
	}
}

// Put stores a file in Cloud Storage, at gs://BUCKET/OBJECT.
func (c *Client) Put(ctx context.Context, place string, content []byte) error {
	bucket, object, err := Object(place)
	if err != nil {
		return err
	}
	s, err := storage.NewService(ctx, options(c.place.StorageEndpoint, storage.DevstorageReadWriteScope)...)
	if err != nil {
		return fmt.Errorf("store %s: %w", place, err)
	}
	_, err = answered(ctx, c, func(ctx context.Context) (*storage.Object, error) {
		return s.Objects.Insert(bucket, &storage.Object{Name: object}).Media(bytes.NewReader(content)).Context(ctx).Do()
	})
	if err != nil {
		return fmt.Errorf("store %s: %w", place, err)
	}
	return nil
}

// Object returns the parts of gs://BUCKET/OBJECT. OBJECT may be empty.
func Object(place string) (bucket, object string, err error) {
	rest, ok := strings.CutPrefix(place, "gs://")
	bucket, object, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return "", "", fmt.Errorf("%q is no place in Cloud Storage: write gs://BUCKET/FOLDER", place)
	}
	return bucket, object, nil
}
