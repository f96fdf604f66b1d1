package bigquerylocal

import (
	"context"
	"net/http"
	"strconv"
	"time"

	bq "google.golang.org/api/bigquery/v2"
)

// startQuery starts a query job.
func (s *Server) startQuery(project string, m *bq.Job, request string) (*job, error) {
	q := m.Configuration.Query
	if q.DestinationTable != nil {
		return nil, unknown("destination tables of queries")
	}
	g := setting{project: project, dataset: q.DefaultDataset, parameters: q.QueryParameters, mode: q.ParameterMode, legacy: q.UseLegacySql == nil || *q.UseLegacySql}
	dry := m.Configuration.DryRun
	return s.jobs.start(project, m, request, func(ctx context.Context, one *job) error {
		st, err := s.translate(q.Query, g, false)
		if err != nil {
			return err
		}
		var r *result
		switch {
		case !dry:
			r, err = s.run(ctx, st)
		case st.sql != "":
			r = &result{}
			_, err = s.warehouse.query(ctx, "EXPLAIN "+st.sql)
		}
		if err != nil {
			return err
		}
		processed, billed, err := s.billed(ctx, st)
		if err != nil {
			return err
		}
		if dry {
			billed = 0
		}
		one.mu.Lock()
		defer one.mu.Unlock()
		one.result = r
		stats := &bq.JobStatistics2{StatementType: st.kind}
		if r != nil {
			stats.NumDmlAffectedRows = r.affected
			if r.fields != nil {
				stats.Schema = &bq.TableSchema{Fields: r.fields}
			}
		}
		stats.TotalBytesProcessed, stats.TotalBytesBilled = processed, billed
		stats.ForceSendFields = []string{"TotalBytesProcessed", "TotalBytesBilled"}
		one.meta.Statistics.TotalBytesProcessed = processed
		one.meta.Statistics.Query = stats
		return nil
	})
}

// query is jobs.query: a query whose first page is the answer, if it is ready in time.
func (c *call) query() (any, error) {
	r := &bq.QueryRequest{}
	if err := c.body(r); err != nil {
		return nil, err
	}
	cfg := &bq.JobConfigurationQuery{Query: r.Query, DefaultDataset: r.DefaultDataset, QueryParameters: r.QueryParameters, ParameterMode: r.ParameterMode, UseLegacySql: r.UseLegacySql}
	m := &bq.Job{Configuration: &bq.JobConfiguration{JobType: "QUERY", Query: cfg, DryRun: r.DryRun, Labels: r.Labels}}
	if r.Location != "" {
		m.JobReference = &bq.JobReference{Location: r.Location}
	}
	one, err := c.server.startQuery(c.PathValue("project"), m, r.RequestId)
	if err != nil {
		return nil, err
	}
	timeout := time.Duration(r.TimeoutMs) * time.Millisecond
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	int64Times := r.FormatOptions != nil && r.FormatOptions.UseInt64Timestamp
	p, err := c.results(one, timeout, 0, r.MaxResults, int64Times)
	if err != nil {
		return nil, err
	}
	q := &bq.QueryResponse{Kind: "bigquery#queryResponse", JobComplete: p.JobComplete, JobReference: p.JobReference, Schema: p.Schema, Rows: p.Rows, TotalRows: p.TotalRows,
		PageToken: p.PageToken, NumDmlAffectedRows: p.NumDmlAffectedRows, TotalBytesProcessed: p.TotalBytesProcessed, ForceSendFields: []string{"TotalRows"}}
	return q, nil
}

// queryResults is jobs.getQueryResults.
func (c *call) queryResults() (any, error) {
	one, err := c.job()
	if err != nil {
		return nil, err
	}
	timeout, err := c.number("timeoutMs", 10000)
	if err != nil {
		return nil, err
	}
	from, err := c.from()
	if err != nil {
		return nil, err
	}
	most := int64(-1)
	if c.FormValue("maxResults") != "" {
		if most, err = c.number("maxResults", 0); err != nil {
			return nil, err
		}
	}
	if most == 0 {
		most = -2 // no rows asked for
	}
	return c.results(one, time.Duration(timeout)*time.Millisecond, from, most, c.int64Times())
}

// results waits for a query and returns a page of its rows. most is 0 or -1 for as many as fit, -2
// for none.
func (c *call) results(one *job, timeout time.Duration, from, most int64, int64Times bool) (*bq.GetQueryResultsResponse, error) {
	p := &bq.GetQueryResultsResponse{Kind: "bigquery#getQueryResultsResponse", JobReference: one.describe().JobReference}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-one.done:
	case <-timer.C:
		return p, nil
	case <-c.Context().Done():
		return nil, &apiError{code: http.StatusServiceUnavailable, reason: "backendError", message: "the client went away"}
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.failed != nil {
		return nil, one.failed
	}
	p.JobComplete = true
	p.TotalBytesProcessed = one.meta.Statistics.TotalBytesProcessed
	p.ForceSendFields = append(p.ForceSendFields, "TotalBytesProcessed")
	r := one.result
	if r == nil {
		r = &result{}
	}
	if r.dml {
		p.NumDmlAffectedRows = r.affected
		p.ForceSendFields = append(p.ForceSendFields, "NumDmlAffectedRows")
	}
	p.Schema = &bq.TableSchema{Fields: r.fields, ForceSendFields: []string{"Fields"}}
	p.TotalRows = uint64(len(r.rows))
	p.ForceSendFields = append(p.ForceSendFields, "TotalRows")
	if from > int64(len(r.rows)) {
		return nil, invalid("Invalid page token %d", from)
	}
	rows := r.rows[from:]
	switch {
	case most == -2:
		rows = nil
	case most <= 0 || most > maxPage:
		rows = rows[:min(int64(len(rows)), maxPage)]
	default:
		rows = rows[:min(int64(len(rows)), most)]
	}
	for _, row := range rows {
		p.Rows = append(p.Rows, cells(row, r.kinds, int64Times))
	}
	if next := from + int64(len(rows)); next < int64(len(r.rows)) && most != -2 {
		p.PageToken = strconv.FormatInt(next, 10)
	}
	return p, nil
}
