package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
)

// The errors of this package, beside those that end a context.
var (
	ErrURL     = errors.New("not the URL of an object")
	ErrAccess  = errors.New("the objects may not be read") // no credentials, or not those of somebody who may
	ErrMissing = errors.New("there is no such bucket")
	ErrChanged = errors.New("the object was changed or deleted since it was listed")
)

// The schemes of URLs.
const (
	s3Scheme = "s3"
	gsScheme = "gs"
)

// Is tells whether a path is the URL of objects.
func Is(path string) bool {
	scheme, _, ok := strings.Cut(path, "://")
	return ok && (scheme == s3Scheme || scheme == gsScheme)
}

// A Config says how S3 is reached. It holds no secrets, and travels to remote workers.
type Config struct {
	Region   string // empty: that of the environment
	Endpoint string // URL of another server that speaks the protocol of S3; empty: that of the environment, else AWS
}

// An Object is one version of an object.
type Object struct {
	URL     string
	Size    int64  // bytes
	Version string // ETag or generation
}

// A place is a URL in its parts.
type place struct{ scheme, bucket, key string }

func (p place) String() string { return p.scheme + "://" + p.bucket + "/" + p.key }

// parse returns the parts of a URL. The key may be empty. Errors wrap ErrURL.
func parse(url string) (place, error) {
	scheme, rest, _ := strings.Cut(url, "://")
	bucket, key, _ := strings.Cut(rest, "/")
	if !Is(url) || bucket == "" {
		return place{}, fmt.Errorf("%w: %q: write s3://BUCKET/KEY or gs://BUCKET/KEY", ErrURL, url)
	}
	return place{scheme, bucket, key}, nil
}

// A store is a service that keeps objects. Its methods try once.
type store interface {
	// list returns a page of the objects whose keys begin with a prefix, and where the next page
	// begins; "" if there is none. With a delimiter, keys that have it behind the prefix are not
	// listed, but what they have in front of it, once.
	list(ctx context.Context, bucket, prefix, delimiter, token string) (page, error)
	// open begins to read a version of an object: length bytes from an offset on.
	open(ctx context.Context, o place, version string, offset, length int64) (io.ReadCloser, error)
	close() error
}

// A page is a part of a listing.
type page struct {
	objects  []Object // with keys in place of URLs
	prefixes []string
	next     string
}

// A Client finds and reads objects. Its methods may be called from several goroutines.
type Client struct {
	config  Config
	backoff gax.Backoff
	idle    time.Duration // how long nothing may come from a server

	mu     sync.Mutex
	stores map[string]store // by scheme
}

// New returns a client. It calls no service: that is done when an object is found or read.
func New(c Config) *Client {
	return &Client{
		config: c, idle: time.Minute, stores: map[string]store{},
		backoff: gax.Backoff{Initial: 500 * time.Millisecond, Max: 20 * time.Second, Multiplier: 2},
	}
}

// Close gives back what the client has opened.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, s := range c.stores {
		errs = append(errs, s.close())
	}
	c.stores = map[string]store{}
	return errors.Join(errs...)
}

// store returns the service of a scheme.
func (c *Client) store(ctx context.Context, scheme string) (store, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.stores[scheme]; s != nil {
		return s, nil
	}
	open := openS3
	if scheme == gsScheme {
		open = openGCS
	}
	s, err := open(ctx, c.config)
	if err != nil {
		return nil, err
	}
	c.stores[scheme] = s
	return s, nil
}

// attempts is how often a call is tried that fails for a reason that may pass.
const attempts = 8

// again waits before something is tried again that has failed so many times in a row, and returns the
// error if it is not to be.
func (c *Client) again(ctx context.Context, err error, failures int, backoff *gax.Backoff) error {
	if permanent(err) || failures >= attempts {
		return err
	}
	if e := gax.Sleep(ctx, backoff.Pause()); e != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return nil
}

// try calls f until it succeeds, or fails for a reason that stays.
func (c *Client) try(ctx context.Context, f func(ctx context.Context) error) error {
	backoff := c.backoff
	for failures := 1; ; failures++ {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, c.idle)
			defer cancel()
			return f(ctx)
		}()
		if err == nil {
			return nil
		}
		if err := c.again(ctx, err, failures, &backoff); err != nil {
			return err
		}
	}
}
