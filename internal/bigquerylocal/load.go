package bigquerylocal

import (
	"context"

	bq "google.golang.org/api/bigquery/v2"
)

func (s *Server) load(ctx context.Context, project string, one *job, l *bq.JobConfigurationLoad, media string) error {
	return unknown("load jobs")
}
