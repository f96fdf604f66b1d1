package bigquery

import (
	"context"
	"fmt"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
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
		return nil, fmt.Errorf("bigquery: connect to %s: %w", p, explain(err))
	}
	c.Location = p.location
	return c, nil
}

// storage opens a client of the Storage Write service.
func (p config) storage(ctx context.Context) (*managedwriter.Client, error) {
	opts := []option.ClientOption{
		option.WithUserAgent(agent),
		managedwriter.WithMultiplexing(),
		managedwriter.WithMultiplexPoolLimit(p.connection),
		managedwriter.WithDefaultInflightRequests(inflightRequests),
	}
	if p.grpc != "" {
		opts = append(opts, option.WithEndpoint(p.grpc))
	}
	if p.plain() {
		opts = append(opts, option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	if p.quota != "" {
		opts = append(opts, option.WithQuotaProject(p.quota))
	}
	c, err := managedwriter.NewClient(ctx, p.project, opts...)
	if err != nil {
		return nil, fmt.Errorf("bigquery: connect to %s: %w", p, explain(err))
	}
	return c, nil
}

// in returns the dataset of a table.
func (p config) in(t *table) string {
	if t.personal && p.personal != "" {
		return p.personal
	}
	return p.dataset
}

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
