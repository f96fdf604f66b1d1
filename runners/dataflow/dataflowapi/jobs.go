package dataflowapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/api/dataflow/v1b3"

	"flexbeam/internal/repeat"
)

// A State is where a job stands, in the service's words.
type State string

// The states that this program tells apart.
const (
	Running    State = "JOB_STATE_RUNNING"
	Done       State = "JOB_STATE_DONE"
	Failed     State = "JOB_STATE_FAILED"
	Canceled   State = "JOB_STATE_CANCELLED"
	Updated    State = "JOB_STATE_UPDATED"
	Draining   State = "JOB_STATE_DRAINING"
	Drained    State = "JOB_STATE_DRAINED"
	Canceling  State = "JOB_STATE_CANCELLING"
	jobState         = "JOB_STATE_"
	unanswered State = "JOB_STATE_UNKNOWN"
)

// Ended tells whether a job in that state does no more.
func (s State) Ended() bool {
	return s == Done || s == Failed || s == Canceled || s == Updated || s == Drained
}

// String returns the state without what all of them begin with.
func (s State) String() string { return strings.TrimPrefix(string(s), jobState) }

// A Job is what the service tells of a job.
type Job struct {
	ID         string
	Name       string
	State      State
	Since      time.Time // of the state
	Created    time.Time
	Streaming  bool
	ReplacedBy string // ID of the job that has taken its place; empty: none has
}

func jobOf(j *dataflow.Job) Job {
	s := State(j.CurrentState)
	if s == "" {
		s = unanswered
	}
	return Job{
		ID: j.Id, Name: j.Name, State: s, Since: moment(j.CurrentStateTime), Created: moment(j.CreateTime),
		Streaming: j.Type == "JOB_TYPE_STREAMING", ReplacedBy: j.ReplacedByJobId,
	}
}

// moment returns a time as the service writes it; the zero time if there is none.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Jobs returns the jobs of the region, those that have ended too.
func (c *Client) Jobs(ctx context.Context) ([]Job, error) { return c.list(ctx, "ALL", "") }

// Active returns the job of a name that has not ended. Errors wrap ErrNoJob if there is none.
func (c *Client) Active(ctx context.Context, name string) (Job, error) {
	jobs, err := c.list(ctx, "ACTIVE", name)
	if err != nil {
		return Job{}, err
	}
	for _, j := range jobs {
		if j.Name == name && !j.State.Ended() {
			return j, nil
		}
	}
	return Job{}, fmt.Errorf("%w: %s does not run in %s of %s", ErrNoJob, name, c.place.Region, c.place.Project)
}

func (c *Client) list(ctx context.Context, filter, name string) (all []Job, err error) {
	for token := ""; ; {
		r, err := answered(ctx, c, func(ctx context.Context) (*dataflow.ListJobsResponse, error) {
			call := c.jobs.List(c.place.Project, c.place.Region).Filter(filter).Context(ctx)
			if name != "" {
				call = call.Name(name)
			}
			if token != "" {
				call = call.PageToken(token)
			}
			return call.Do()
		})
		if err != nil {
			return nil, err
		}
		for _, j := range r.Jobs {
			all = append(all, jobOf(j))
		}
		for _, l := range r.FailedLocation {
			return nil, fmt.Errorf("%w: the jobs of %s are not known", ErrUnreachable, l.Name)
		}
		if token = r.NextPageToken; token == "" {
			return all, nil
		}
	}
}

// Job returns how a job stands. Errors wrap ErrNoJob if there is none of that ID.
func (c *Client) Job(ctx context.Context, id string) (Job, error) {
	j, err := c.get(ctx, id)
	if err != nil {
		return Job{}, err
	}
	return jobOf(j), nil
}

func (c *Client) get(ctx context.Context, id string) (*dataflow.Job, error) {
	return answered(ctx, c, func(ctx context.Context) (*dataflow.Job, error) {
		return c.jobs.Get(c.place.Project, c.place.Region, id).Context(ctx).Do()
	})
}

// Create creates a job that has an ID of its request, by which the service knows the request when it is
// made again. Errors wrap ErrSameName if another job of its name runs.
func (c *Client) Create(ctx context.Context, job *dataflow.Job) (Job, error) {
	r, err := answered(ctx, c, func(ctx context.Context) (*dataflow.Job, error) {
		return c.jobs.Create(c.place.Project, c.place.Region, job).Context(ctx).Do()
	})
	switch {
	case err == nil && (r.ClientRequestId == "" || r.ClientRequestId == job.ClientRequestId):
		return jobOf(r), nil
	case err == nil:
		return Job{}, fmt.Errorf("%w: %s, with the ID %s", ErrSameName, r.Name, r.Id)
	case errors.Is(err, ErrSameName):
		// The answer to an earlier attempt may have been lost.
		if ours, e := c.requested(ctx, job); e == nil {
			return ours, nil
		}
	}
	return Job{}, err
}

// requested returns the running job that a request has created.
func (c *Client) requested(ctx context.Context, job *dataflow.Job) (Job, error) {
	running, err := c.Active(ctx, job.Name)
	if err != nil {
		return Job{}, err
	}
	r, err := c.get(ctx, running.ID)
	switch {
	case err != nil:
		return Job{}, err
	case r.ClientRequestId != job.ClientRequestId:
		return Job{}, ErrSameName
	}
	return jobOf(r), nil
}

// Cancel ends a job at once. Its state is lost.
func (c *Client) Cancel(ctx context.Context, id string) error { return c.request(ctx, id, Canceled) }

// Drain ends a stream: nothing more is read, all timers fire, and what was read is written.
func (c *Client) Drain(ctx context.Context, id string) error { return c.request(ctx, id, Drained) }

func (c *Client) request(ctx context.Context, id string, s State) error {
	_, err := answered(ctx, c, func(ctx context.Context) (*dataflow.Job, error) {
		return c.jobs.Update(c.place.Project, c.place.Region, id, &dataflow.Job{RequestedState: string(s)}).Context(ctx).Do()
	})
	return err
}

// Await waits until a job has ended, and returns how it stands then. It asks once in every period.
func (c *Client) Await(ctx context.Context, id string, every time.Duration) (Job, error) {
	for {
		j, err := c.Job(ctx, id)
		if err != nil || j.State.Ended() {
			return j, err
		}
		if err := repeat.Pause(ctx, every); err != nil {
			return j, err
		}
	}
}

// An Importance is how much a message matters, in the service's words.
type Importance string

// The importances from which on messages are told.
const (
	Basic   Importance = "JOB_MESSAGE_BASIC"
	Warning Importance = "JOB_MESSAGE_WARNING"
	Error   Importance = "JOB_MESSAGE_ERROR"
)

// A Message is what the service says of a job.
type Message struct {
	ID         string
	Time       time.Time
	Importance Importance
	Text       string
}

// Messages returns what the service has said of a job since a time, which may be zero, with an
// importance or more, in the order of time.
func (c *Client) Messages(ctx context.Context, id string, since time.Time, least Importance) (all []Message, err error) {
	for token := ""; ; {
		r, err := answered(ctx, c, func(ctx context.Context) (*dataflow.ListJobMessagesResponse, error) {
			call := c.jobs.Messages.List(c.place.Project, c.place.Region, id).MinimumImportance(string(least)).Context(ctx)
			if !since.IsZero() {
				call = call.StartTime(since.UTC().Format(time.RFC3339Nano))
			}
			if token != "" {
				call = call.PageToken(token)
			}
			return call.Do()
		})
		if err != nil {
			return nil, err
		}
		for _, m := range r.JobMessages {
			all = append(all, Message{ID: m.Id, Time: moment(m.Time), Importance: Importance(m.MessageImportance), Text: strings.TrimSpace(m.MessageText)})
		}
		if token = r.NextPageToken; token == "" {
			return all, nil
		}
	}
}

// Counters returns the counters that the workers of a job report under a namespace of Beam's metrics,
// by their names: what is committed, summed over the steps.
func (c *Client) Counters(ctx context.Context, id, namespace string) (map[string]int64, error) {
	r, err := answered(ctx, c, func(ctx context.Context) (*dataflow.JobMetrics, error) {
		return c.jobs.GetMetrics(c.place.Project, c.place.Region, id).Context(ctx).Do()
	})
	if err != nil {
		return nil, err
	}
	sums := map[string]int64{}
	for _, m := range r.Metrics {
		n, ok := m.Scalar.(float64)
		if !ok || m.Name == nil || m.Name.Context["namespace"] != namespace || m.Name.Context["tentative"] == "true" {
			continue
		}
		sums[m.Name.Name] += int64(n)
	}
	return sums, nil
}
