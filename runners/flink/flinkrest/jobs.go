package flinkrest

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A State is where a job stands, in Flink's words.
type State string

// The states in which a job has ended. Suspended ones may be taken up by another JobManager.
const (
	Finished State = "FINISHED"
	Failed   State = "FAILED"
	Canceled State = "CANCELED"

	Running    State = "RUNNING"
	Restarting State = "RESTARTING"
)

// Ended tells whether a job in that state does no more.
func (s State) Ended() bool { return s == Finished || s == Failed || s == Canceled }

// A Job is what a cluster tells of a job.
type Job struct {
	ID      string
	Name    string
	State   State
	Started time.Time
	Ended   time.Time // zero while it runs
}

// Jobs returns the jobs that a cluster knows, also of those that have ended.
func (c *Client) Jobs(ctx context.Context) ([]Job, error) {
	var a struct {
		Jobs []struct {
			ID    string `json:"jid"`
			Name  string `json:"name"`
			State State  `json:"state"`
			Start int64  `json:"start-time"`
			End   int64  `json:"end-time"`
		} `json:"jobs"`
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/overview", nil, &a); err != nil {
		return nil, err
	}
	jobs := make([]Job, 0, len(a.Jobs))
	for _, j := range a.Jobs {
		jobs = append(jobs, Job{ID: j.ID, Name: j.Name, State: j.State, Started: moment(j.Start), Ended: moment(j.End)})
	}
	return jobs, nil
}

// moment returns a time that Flink gives in ms since 1970; 0 and less mean that there is none.
func moment(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// A Vertex is a part of a job that runs on one or more slots.
type Vertex struct {
	ID          string
	Name        string
	Parallelism int
	Source      bool // it reads from no other vertex
}

// A Status is a job with its vertices.
type Status struct {
	Job
	Vertices []Vertex
}

// Status returns how a job stands. Errors wrap ErrNoJob if there is none of that ID.
func (c *Client) Status(ctx context.Context, job string) (Status, error) {
	var a struct {
		ID       string `json:"jid"`
		Name     string `json:"name"`
		State    State  `json:"state"`
		Start    int64  `json:"start-time"`
		End      int64  `json:"end-time"`
		Vertices []struct {
			ID          string `json:"id"`
			Name        string `json:"name"`
			Parallelism int    `json:"parallelism"`
		} `json:"vertices"`
		Plan struct {
			Nodes []struct {
				ID     string `json:"id"`
				Inputs []struct {
					ID string `json:"id"`
				} `json:"inputs"`
			} `json:"nodes"`
		} `json:"plan"`
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/"+url.PathEscape(job), nil, &a); err != nil {
		return Status{}, err
	}
	reads := map[string]bool{}
	for _, n := range a.Plan.Nodes {
		reads[n.ID] = len(n.Inputs) > 0
	}
	s := Status{Job: Job{ID: a.ID, Name: a.Name, State: a.State, Started: moment(a.Start), Ended: moment(a.End)}}
	for _, v := range a.Vertices {
		s.Vertices = append(s.Vertices, Vertex{ID: v.ID, Name: v.Name, Parallelism: v.Parallelism, Source: !reads[v.ID]})
	}
	return s, nil
}

// EndOfTime is the watermark of a vertex to which nothing more will come.
const EndOfTime = math.MaxInt64

// Watermark returns the input watermark of a vertex, the least of its subtasks, in ms since 1970;
// false while one of them has told none.
func (c *Client) Watermark(ctx context.Context, job string, v Vertex) (ms int64, ok bool, err error) {
	var a []struct {
		Value string `json:"value"`
	}
	if err := c.call(ctx, http.MethodGet, fmt.Sprintf("/jobs/%s/vertices/%s/watermarks", url.PathEscape(job), url.PathEscape(v.ID)), nil, &a); err != nil {
		return 0, false, err
	}
	if len(a) < v.Parallelism {
		return 0, false, nil
	}
	ms = EndOfTime
	for _, w := range a {
		n, err := strconv.ParseInt(w.Value, 10, 64)
		if err != nil {
			return 0, false, nil
		}
		ms = min(ms, n)
	}
	return ms, true, nil
}

// Settled returns up to which time a job has done all: the least input watermark of its vertices but the
// sources, in ms since 1970; false while one of them has told none, or there are none.
func (c *Client) Settled(ctx context.Context, s Status) (ms int64, ok bool, err error) {
	ms = EndOfTime
	for i := len(s.Vertices) - 1; i >= 0; i-- { // the last ones are the last to get there
		if s.Vertices[i].Source {
			continue
		}
		at, known, err := c.Watermark(ctx, s.ID, s.Vertices[i])
		if err != nil || !known {
			return 0, false, err
		}
		ms, ok = min(ms, at), true
	}
	return ms, ok, nil
}

// An Exception is why a job was restarted, or failed.
type Exception struct {
	Time time.Time
	Text string // with its trace
}

// Exceptions returns the newest exceptions of a job, the newest first.
func (c *Client) Exceptions(ctx context.Context, job string) ([]Exception, error) {
	var a struct {
		History struct {
			Entries []struct {
				Time int64  `json:"timestamp"`
				Text string `json:"stacktrace"`
			} `json:"entries"`
		} `json:"exceptionHistory"`
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/"+url.PathEscape(job)+"/exceptions?maxExceptions=5", nil, &a); err != nil {
		return nil, err
	}
	var all []Exception
	for _, e := range a.History.Entries {
		all = append(all, Exception{Time: moment(e.Time), Text: e.Text})
	}
	return all, nil
}

// Checkpoints are the checkpoints of a job.
type Checkpoints struct {
	Completed, Failed, Restored int
	Last                        *Checkpoint // the newest that was completed; nil without one
	Savepoint                   string      // where the newest savepoint is; "" without one
}

// A Checkpoint is a checkpoint or a savepoint that was completed.
type Checkpoint struct {
	ID       int64
	Path     string
	Bytes    int64
	Took     time.Duration
	Finished time.Time
}

// Checkpoints returns the checkpoints of a job.
func (c *Client) Checkpoints(ctx context.Context, job string) (Checkpoints, error) {
	var a struct {
		Counts struct {
			Restored  int `json:"restored"`
			Completed int `json:"completed"`
			Failed    int `json:"failed"`
		} `json:"counts"`
		Latest struct {
			Completed *struct {
				ID    int64  `json:"id"`
				Path  string `json:"external_path"`
				Bytes int64  `json:"state_size"`
				Took  int64  `json:"end_to_end_duration"`
				Ack   int64  `json:"latest_ack_timestamp"`
			} `json:"completed"`
			Savepoint struct {
				Path string `json:"external_path"`
			} `json:"savepoint"`
		} `json:"latest"`
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/"+url.PathEscape(job)+"/checkpoints", nil, &a); err != nil {
		return Checkpoints{}, err
	}
	s := Checkpoints{Completed: a.Counts.Completed, Failed: a.Counts.Failed, Restored: a.Counts.Restored, Savepoint: a.Latest.Savepoint.Path}
	if l := a.Latest.Completed; l != nil {
		s.Last = &Checkpoint{ID: l.ID, Path: l.Path, Bytes: l.Bytes, Took: time.Duration(l.Took) * time.Millisecond, Finished: moment(l.Ack)}
	}
	return s, nil
}
