package bigquery

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path"

	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"
)

// objects stages files in Cloud Storage.
type objects struct {
	config config
	client *storage.Service
}

func newObjects(p config) (*objects, error) {
	opts := []option.ClientOption{option.WithUserAgent(agent)}
	if p.gcs != "" {
		opts = append(opts, option.WithEndpoint(p.gcs))
	}
	if p.plain() {
		opts = append(opts, option.WithoutAuthentication(), option.WithHTTPClient(http.DefaultClient))
	} else {
		opts = append(opts, option.WithScopes(storage.DevstorageReadWriteScope))
	}
	if p.quota != "" && !p.plain() {
		opts = append(opts, option.WithQuotaProject(p.quota))
	}
	c, err := storage.NewService(context.Background(), opts...)
	if err != nil {
		return nil, fmt.Errorf("bigquery: connect to gs://%s: %w", p.bucket, explain(err))
	}
	return &objects{p, c}, nil
}

func (o *objects) name(object string) string { return path.Join(o.config.prefix, object) }

// put stores a file and returns its URI. Storing it again changes nothing.
func (o *objects) put(ctx context.Context, object, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, err = o.client.Objects.Insert(o.config.bucket, &storage.Object{Name: o.name(object)}).Media(f).Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("stage in gs://%s: %w", o.config.bucket, err)
	}
	return "gs://" + o.config.bucket + "/" + o.name(object), nil
}

// permissions returns which of objectPermissions the account has.
func (o *objects) permissions(ctx context.Context) ([]string, error) {
	r, err := o.client.Buckets.TestIamPermissions(o.config.bucket, objectPermissions).Context(ctx).Do()
	if err != nil {
		return nil, err
	}
	return r.Permissions, nil
}

func (o *objects) remove(ctx context.Context, object string) error {
	err := o.client.Objects.Delete(o.config.bucket, o.name(object)).Context(ctx).Do()
	if restStatus(err) == http.StatusNotFound {
		return nil
	}
	return err
}
