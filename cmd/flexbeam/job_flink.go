package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"flexbeam/internal/console"
	"flexbeam/runners/flink/flinkrest"
)

// flinkCluster is a cluster of Flink.
type flinkCluster struct{ client *flinkrest.Client }

func (f *flinkCluster) where() string { return "the cluster" }

func (f *flinkCluster) jobs(ctx context.Context) ([]clusterJob, error) {
	jobs, err := f.client.Jobs(ctx)
	all := make([]clusterJob, 0, len(jobs))
	for _, j := range jobs {
		all = append(all, ofFlink(j))
	}
	return all, err
}

func ofFlink(j flinkrest.Job) clusterJob {
	return clusterJob{id: j.ID, name: j.Name, state: string(j.State), over: j.State.Ended(), started: j.Started, ended: j.Ended}
}

func (f *flinkCluster) status(ctx context.Context, j clusterJob, w io.Writer) error {
	s, err := f.client.Status(ctx, j.id)
	if err != nil {
		return err
	}
	points, err := f.client.Checkpoints(ctx, j.id)
	if err != nil {
		return err
	}
	exceptions, err := f.client.Exceptions(ctx, j.id)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "job\t%s\t%s\nstate\t%s\tfor %s\n", s.Name, s.ID, s.State, console.Duration(ofFlink(s.Job).ranFor()))
	if !s.State.Ended() {
		at, err := f.settled(ctx, s)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "watermark\t%s\tof the vertex that is furthest behind\n", at)
	}
	fmt.Fprintf(w, "checkpoints\t%d completed\t%d failed, %d restored\n", points.Completed, points.Failed, points.Restored)
	if l := points.Last; l != nil {
		fmt.Fprintf(w, "the last\t%s\t%s in %s, at %s\n", l.Path, console.Bytes(l.Bytes), console.Duration(l.Took), l.Finished.Format(time.RFC3339))
	}
	if points.Savepoint != "" {
		fmt.Fprintf(w, "savepoint\t%s\tthe last one: run --flink-savepoint goes on from it\n", points.Savepoint)
	}
	for _, e := range exceptions {
		fmt.Fprintf(w, "exception\t%s\t%s\n", e.Time.Format(time.RFC3339), strings.Join(strings.Fields(flinkrest.Cause(e.Text)), " "))
	}
	return nil
}

// settled returns the least watermark of a job's vertices, as a text.
func (f *flinkCluster) settled(ctx context.Context, s flinkrest.Status) (string, error) {
	least := int64(flinkrest.EndOfTime)
	for _, v := range s.Vertices {
		if v.Source {
			continue
		}
		at, ok, err := f.client.Watermark(ctx, s.ID, v)
		if err != nil {
			return "", err
		}
		if !ok {
			return "not known yet", nil
		}
		least = min(least, at)
	}
	switch at := time.UnixMilli(least).UTC(); {
	case least == flinkrest.EndOfTime:
		return "the end of time", nil
	case at.Year() < 1970 || at.Year() > 9999:
		return "not known yet", nil
	default:
		return at.Format(time.RFC3339), nil
	}
}

func (f *flinkCluster) savepoint(ctx context.Context, id, to string) (string, error) {
	return f.client.Savepoint(ctx, id, to)
}

func (f *flinkCluster) stop(ctx context.Context, id, to string) (string, error) {
	path, err := f.client.Stop(ctx, id, to)
	if err != nil {
		return "", err
	}
	_, err = f.client.Await(ctx, id)
	return path, err
}

func (f *flinkCluster) drain(context.Context, string) (string, error) {
	return "", usagef("Flink does not drain a job of Beam's, it never comes to an end: use flexbeam job stop, which keeps what waits in a savepoint")
}

func (f *flinkCluster) cancel(ctx context.Context, id string) (string, error) {
	if err := f.client.Cancel(ctx, id); err != nil {
		return "", err
	}
	state, err := f.client.Await(ctx, id)
	return string(state), err
}
