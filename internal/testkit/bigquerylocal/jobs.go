package bigquerylocal

import (
	"context"
	"fmt"
	"net/http"
	"sort"
	"sync"
	"time"

	bq "google.golang.org/api/bigquery/v2"
)

// jobs are the jobs of all projects. They are kept until the service ends.
type jobs struct {
	server *Server

	mu       sync.Mutex
	all      map[jobName]*job
	requests map[string]*job // of jobs.query by requestId
	count    int
	running  sync.WaitGroup
	closed   bool
}

type jobName struct{ project, job string }

// A job is a load or query job.
type job struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	meta   *bq.Job
	result *result
	failed *apiError
}

func (j *jobs) wait() {
	j.mu.Lock()
	j.closed = true
	for _, one := range j.all {
		one.cancel()
	}
	j.mu.Unlock()
	j.running.Wait()
}

// start makes a job and runs it aside. A job id that was used before is refused, and nothing is done
// (https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid).
func (j *jobs) start(project string, meta *bq.Job, request string, work func(context.Context, *job) error) (*job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, &apiError{code: http.StatusServiceUnavailable, reason: "backendError", message: "The service is closing"}
	}
	if request != "" {
		if old := j.requests[request]; old != nil {
			return old, nil
		}
	}
	if meta.JobReference == nil {
		meta.JobReference = &bq.JobReference{}
	}
	ref := meta.JobReference
	if ref.JobId == "" {
		j.count++
		ref.JobId = fmt.Sprintf("local_job_%d", j.count)
	}
	ref.ProjectId = project
	if ref.Location == "" {
		ref.Location = j.server.options.Location
	}
	n := jobName{project, ref.JobId}
	if j.all[n] != nil {
		return nil, duplicate("Job %s:%s.%s", project, ref.Location, ref.JobId)
	}
	now := j.server.options.Now().UnixMilli()
	meta.Kind, meta.Id = "bigquery#job", fmt.Sprintf("%s:%s.%s", project, ref.Location, ref.JobId)
	meta.Etag = meta.Id
	meta.Status = &bq.JobStatus{State: "RUNNING"}
	meta.Statistics = &bq.JobStatistics{CreationTime: now, StartTime: now}
	ctx, cancel := context.WithCancel(context.Background())
	one := &job{cancel: cancel, done: make(chan struct{}), meta: meta}
	if j.all == nil {
		j.all, j.requests = map[jobName]*job{}, map[string]*job{}
	}
	j.all[n] = one
	if request != "" {
		j.requests[request] = one
	}
	j.running.Add(1)
	go func() {
		defer j.running.Done()
		defer cancel()
		err := j.disturbed(ctx, one, work)
		one.mu.Lock()
		if err != nil {
			if ctx.Err() != nil {
				err = &apiError{code: http.StatusBadRequest, reason: "stopped", message: "Job execution was cancelled: User requested cancellation"}
			}
			one.failed = asAPI(err)
			meta.Status.ErrorResult = one.failed.proto()
			meta.Status.Errors = []*bq.ErrorProto{one.failed.proto()}
		}
		meta.Status.State = "DONE"
		meta.Statistics.EndTime = j.server.options.Now().UnixMilli()
		one.mu.Unlock()
		close(one.done)
	}()
	return one, nil
}

// disturbed runs a job with the faults of jobs.run: Slow delays it, Reply fails it, Lose does it
// and then fails it.
func (j *jobs) disturbed(ctx context.Context, one *job, work func(context.Context, *job) error) error {
	var lose error
	for _, f := range j.server.strike("jobs.run", "") {
		injected := &apiError{code: f.Status, reason: f.Reason, message: f.Message}
		switch f.Kind {
		case Slow:
			select {
			case <-time.After(f.Delay):
			case <-ctx.Done():
				return ctx.Err()
			}
		case Reply, Break:
			return injected
		case Lose:
			lose = injected
		}
	}
	return firstError(work(ctx, one), lose)
}

// promptness is how long the answer to an insert waits for its job, so that clients seldom have to
// ask again.
const promptness = 100 * time.Millisecond

// started returns the resource of a job that was just inserted.
func (one *job) started() *bq.Job {
	timer := time.NewTimer(promptness)
	defer timer.Stop()
	select {
	case <-one.done:
	case <-timer.C:
	}
	return one.describe()
}

// describe returns the resource of the job as it is now.
func (one *job) describe() *bq.Job {
	one.mu.Lock()
	defer one.mu.Unlock()
	m := *one.meta
	status, statistics := *m.Status, *m.Statistics
	m.Status, m.Statistics = &status, &statistics
	return &m
}

func (c *call) job() (*job, error) {
	n := jobName{c.PathValue("project"), c.PathValue("job")}
	j := &c.server.jobs
	j.mu.Lock()
	defer j.mu.Unlock()
	one := j.all[n]
	if one == nil {
		return nil, notFound("Job %s:%s", n.project, n.job)
	}
	return one, nil
}

func (c *call) getJob() (any, error) {
	one, err := c.job()
	if err != nil {
		return nil, err
	}
	return one.describe(), nil
}

func (c *call) cancelJob() (any, error) {
	one, err := c.job()
	if err != nil {
		return nil, err
	}
	one.cancel()
	return &bq.JobCancelResponse{Kind: "bigquery#jobCancelResponse", Job: one.describe()}, nil
}

func (c *call) listJobs() (any, error) {
	j := &c.server.jobs
	j.mu.Lock()
	var all []*bq.JobListJobs
	for n, one := range j.all {
		if n.project == c.PathValue("project") {
			m := one.describe()
			all = append(all, &bq.JobListJobs{Kind: m.Kind, Id: m.Id, JobReference: m.JobReference, Status: m.Status, State: m.Status.State, Configuration: m.Configuration, Statistics: m.Statistics})
		}
	}
	j.mu.Unlock()
	sort.Slice(all, func(a, b int) bool { return all[a].Id > all[b].Id })
	part, next, err := page(c, all)
	return &bq.JobList{Kind: "bigquery#jobList", Jobs: part, NextPageToken: next}, err
}

// insertJob is jobs.insert without media: a query, or a load from Cloud Storage.
func (c *call) insertJob() (any, error) {
	m := &bq.Job{}
	if err := c.body(m); err != nil {
		return nil, err
	}
	one, err := c.server.insert(c.PathValue("project"), m, "")
	if err != nil {
		return nil, err
	}
	if m.Configuration.DryRun { // is never a job that one could ask for later
		<-one.done
		if one.failed != nil {
			return nil, one.failed
		}
	}
	return one.started(), nil
}

// insert starts the job of a resource. media is the file that was uploaded with it, "" for none.
func (s *Server) insert(project string, m *bq.Job, media string) (*job, error) {
	switch cfg := m.Configuration; {
	case cfg == nil:
		return nil, invalid("Required parameter is missing: configuration")
	case cfg.Query != nil:
		cfg.JobType = "QUERY"
		return s.startQuery(project, m, "")
	case cfg.Load != nil:
		cfg.JobType = "LOAD"
		return s.jobs.start(project, m, "", func(ctx context.Context, one *job) error { return s.load(ctx, project, one, cfg.Load, media) })
	}
	return nil, unknown("copy and extract jobs")
}
