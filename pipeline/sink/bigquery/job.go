package bigquery

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/internal/repeat"
)

// job runs a job to its end and returns it. The job's id is made from id. When the answer to a request
// is lost and the request is sent again, it therefore finds the job that runs already and does not
// start a second one. When the job fails for a reason that may pass, job starts another one.
func (w *Writer) job(ctx context.Context, id string, start func(ctx context.Context, id string) (*bigquery.Job, error)) (*bigquery.Job, error) {
	retrier := newRetrier(w.config.retry)
	for attempt := 0; ; attempt++ {
		name := fmt.Sprintf("%s_%d", id, attempt)
		var job *bigquery.Job
		err := w.retry(ctx, func(ctx context.Context) (err error) {
			job, err = start(ctx, name)
			if restStatus(err) == http.StatusConflict {
				job, err = w.rest.JobFromIDLocation(ctx, name, w.config.location)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		status, err := w.wait(ctx, job)
		if err != nil {
			return nil, err
		}
		w.count(status)
		if err = status.Err(); err == nil {
			return job, nil
		}
		if !retryable(err) || !retrier.wait(ctx) {
			return nil, fmt.Errorf("job %s: %w", name, err)
		}
	}
}

// statement runs a statement with named parameters to its end, and returns its job.
func (w *Writer) statement(ctx context.Context, id, sql string, parameters ...bigquery.QueryParameter) (*bigquery.Job, error) {
	return w.job(ctx, id, func(ctx context.Context, id string) (*bigquery.Job, error) {
		q := w.rest.Query(sql)
		q.JobID, q.Location, q.Parameters = id, w.config.location, parameters
		q.Labels = map[string]string{managedLabel: agent}
		return q.Run(ctx)
	})
}

// count counts a job that is a query, and what it is billed for.
func (w *Writer) count(s *bigquery.JobStatus) {
	if s.Statistics == nil {
		return
	}
	if q, ok := s.Statistics.Details.(*bigquery.QueryStatistics); ok {
		w.queries.Add(1)
		w.billed.Add(q.TotalBytesBilled)
	}
}

// wait returns the status of a job that has ended.
func (w *Writer) wait(ctx context.Context, job *bigquery.Job) (status *bigquery.JobStatus, err error) {
	for step := 20 * time.Millisecond; ; step = min(2*step, 5*time.Second) {
		err = w.retry(ctx, func(ctx context.Context) (err error) { status, err = job.Status(ctx); return err })
		if err != nil || status.Done() {
			return status, err
		}
		if repeat.Pause(ctx, step) != nil {
			return nil, ctx.Err()
		}
	}
}
