package bigquery

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/bigquery"
	"google.golang.org/api/option"

	"flexbeam/pipeline/io/storagewrite"
)

// agent is how this program names itself to Google.
const agent = "flexbeam"

// rest opens a client of the REST service. Credentials are the Application Default Credentials, and
// none over plain HTTP.
func (p config) rest(ctx context.Context) (*bigquery.Client, error) {
	opts := []option.ClientOption{option.WithUserAgent(agent)}
	if p.endpoint != "" {
		opts = append(opts, option.WithEndpoint(p.endpoint+"/bigquery/v2/"))
	}
	if p.plain() {
		opts = append(opts, option.WithoutAuthentication())
	}
	if p.quota != "" {
		opts = append(opts, option.WithQuotaProject(p.quota))
	}
	c, err := bigquery.NewClient(ctx, p.project, opts...)
	if err != nil {
		if err = explain(err); !strings.Contains(err.Error(), credentialsAdvice) { // nothing but credentials is read here
			err = fmt.Errorf("%w: check the file that GOOGLE_APPLICATION_CREDENTIALS names, or leave it out and %s", err, credentialsAdvice)
		}
		return nil, fmt.Errorf("bigquery: connect to %s: %w", p, err)
	}
	c.Location = p.location
	return c, nil
}

// storage makes a writer of the Storage Write service.
func (p config) storage() (*storagewrite.Writer, error) {
	opts := []storagewrite.WriteOptionFn{storagewrite.WriteAgent(agent), storagewrite.WriteQuotaProject(p.quota), storagewrite.WriteEndpoint(p.grpc),
		storagewrite.WriteRetry(p.retry), storagewrite.WriteTimeout(p.timeout)}
	if p.plain() {
		opts = append(opts, storagewrite.WritePlaintext())
	}
	return storagewrite.NewWriter(p.project, opts...)
}

// in returns the dataset of a table.
func (p config) in(t *table) string {
	if t.personal && p.personal != "" {
		return p.personal
	}
	return p.dataset
}

// full names a table for people: with its project and dataset.
func (p config) full(t *table) string { return p.project + "." + p.in(t) + "." + t.name }

// path names a table for the Storage Write service.
func (p config) path(t *table) string {
	return fmt.Sprintf("projects/%s/datasets/%s/tables/%s", p.project, p.in(t), t.name)
}

// sql names a table or view in SQL.
func (p config) sql(name string) string {
	dataset := p.dataset
	for _, t := range tables {
		if t.name == name {
			dataset = p.in(t)
		}
	}
	return "`" + p.project + "." + dataset + "." + name + "`"
}
