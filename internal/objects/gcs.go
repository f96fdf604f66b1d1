package objects

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
)

// A gcsStore is Google Cloud Storage.
type gcsStore struct{ api *storage.Client }

// openGCS finds the credentials.
func openGCS(ctx context.Context, _ Config) (store, error) {
	api, err := storage.NewClient(context.WithoutCancel(ctx), option.WithScopes(storage.ScopeReadOnly))
	if err != nil {
		return nil, fmt.Errorf("%w: set GOOGLE_APPLICATION_CREDENTIALS, or log in with 'gcloud auth application-default login', or run with a service account: %w", ErrAccess, err)
	}
	api.SetRetry(storage.WithPolicy(storage.RetryNever)) // the client tries again
	return &gcsStore{api}, nil
}

// pageSize is how many objects and prefixes a page of a listing has at most.
const pageSize = 1000

func (s *gcsStore) list(ctx context.Context, bucket, prefix, delimiter, token string) (page, error) {
	query := &storage.Query{Prefix: prefix, Delimiter: delimiter, Projection: storage.ProjectionNoACL}
	if err := query.SetAttrSelection([]string{"Name", "Size", "Generation"}); err != nil {
		return page{}, err
	}
	var attrs []*storage.ObjectAttrs
	next, err := iterator.NewPager(s.api.Bucket(bucket).Objects(ctx, query), pageSize, token).NextPage(&attrs)
	if err != nil {
		return page{}, explain(err, ErrMissing)
	}
	p := page{next: next}
	for _, o := range attrs {
		if o.Prefix != "" {
			p.prefixes = append(p.prefixes, o.Prefix)
			continue
		}
		p.objects = append(p.objects, Object{URL: o.Name, Size: o.Size, Version: strconv.FormatInt(o.Generation, 10)})
	}
	return p, nil
}

func (s *gcsStore) open(ctx context.Context, o place, version string, offset, length int64) (io.ReadCloser, error) {
	generation, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the generation %q of %s: %w", version, o, err)
	}
	// What is stored as gzip comes as it is stored: sizes and offsets are those of the archive.
	r, err := s.api.Bucket(o.bucket).Object(o.key).Generation(generation).ReadCompressed(true).NewRangeReader(ctx, offset, length)
	if err != nil {
		return nil, explain(err, ErrChanged)
	}
	return r, nil
}

func (s *gcsStore) close() error { return s.api.Close() }
