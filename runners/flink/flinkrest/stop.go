package flinkrest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// askEvery is how often it is asked whether a savepoint is made.
const askEvery = 200 * time.Millisecond

// Cancel cancels a job, whose state is lost but for its retained checkpoints. It does not wait.
func (c *Client) Cancel(ctx context.Context, job string) error {
	return c.call(ctx, http.MethodPatch, "/jobs/"+url.PathEscape(job)+"?mode=cancel", nil, nil)
}

// Savepoint makes a savepoint in a folder of the cluster, "" meaning the one of its configuration,
// and returns where it is. The job runs on.
func (c *Client) Savepoint(ctx context.Context, job, dir string) (path string, err error) {
	return c.trigger(ctx, job, "savepoints", map[string]any{"target-directory": orNull(dir), "cancel-job": false})
}

// Stop ends a job by a savepoint behind which nothing is processed, and returns where it is. It does
// not drain: jobs of Beam's never come to an end of that.
func (c *Client) Stop(ctx context.Context, job, dir string) (path string, err error) {
	return c.trigger(ctx, job, "stop", map[string]any{"targetDirectory": orNull(dir), "drain": false})
}

func orNull(dir string) any {
	if dir == "" {
		return nil
	}
	return dir
}

// trigger asks for a savepoint and waits for it.
func (c *Client) trigger(ctx context.Context, job, how string, in any) (string, error) {
	job = url.PathEscape(job)
	var begun struct {
		ID string `json:"request-id"`
	}
	if err := c.call(ctx, http.MethodPost, "/jobs/"+job+"/"+how, in, &begun); err != nil {
		return "", err
	}
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		var a struct {
			Status struct {
				ID string `json:"id"`
			} `json:"status"`
			Operation struct {
				Path    string `json:"location"`
				Failure struct {
					Text string `json:"stack-trace"`
				} `json:"failure-cause"`
			} `json:"operation"`
		}
		if err := c.call(ctx, http.MethodGet, "/jobs/"+job+"/savepoints/"+url.PathEscape(begun.ID), nil, &a); err != nil {
			return "", err
		}
		if a.Status.ID == "COMPLETED" {
			if a.Operation.Path == "" {
				return "", fmt.Errorf("%w: no savepoint was made: %s", ErrRefused, Cause(a.Operation.Failure.Text))
			}
			return a.Operation.Path, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for a savepoint: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Await waits until a job has ended, and returns in which state. It goes on while Flink does not
// answer, until ctx ends.
func (c *Client) Await(ctx context.Context, job string) (State, error) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		s, err := c.Status(ctx, job)
		switch {
		case err == nil && s.State.Ended():
			return s.State, nil
		case err != nil && !errors.Is(err, ErrUnreachable):
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-tick.C:
		}
	}
}
