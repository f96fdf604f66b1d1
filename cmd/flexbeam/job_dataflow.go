package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"flexbeam/internal/console"
	"flexbeam/pipeline/runtime"
	"flexbeam/runners/dataflow/dataflowapi"
)

// dataflowCluster is a region of Dataflow.
type dataflowCluster struct {
	client *dataflowapi.Client
	every  time.Duration // is asked how a job stands that ends
}

func (d *dataflowCluster) where() string { return "Dataflow" }

func (d *dataflowCluster) jobs(ctx context.Context) ([]clusterJob, error) {
	jobs, err := d.client.Jobs(ctx)
	all := make([]clusterJob, 0, len(jobs))
	for _, j := range jobs {
		all = append(all, ofDataflow(j))
	}
	return all, err
}

func ofDataflow(j dataflowapi.Job) clusterJob {
	c := clusterJob{id: j.ID, name: j.Name, state: j.State.String(), over: j.State.Ended(), started: j.Created}
	if c.over {
		c.ended = j.Since
	}
	return c
}

// mostMessages is how many messages a status shows.
const mostMessages = 5

func (d *dataflowCluster) status(ctx context.Context, j clusterJob, w io.Writer) error {
	s, err := d.client.Job(ctx, j.id)
	if err != nil {
		return err
	}
	counters, err := d.client.Counters(ctx, j.id, runtime.Metrics)
	if err != nil {
		return err
	}
	messages, err := d.client.Messages(ctx, j.id, time.Time{}, dataflowapi.Warning)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "job\t%s\t%s\nstate\t%s\tsince %s, created %s\n", s.Name, s.ID, s.State, s.Since.Format(time.RFC3339), s.Created.Format(time.RFC3339))
	if s.ReplacedBy != "" {
		fmt.Fprintf(w, "updated\t\t%s has taken its place\n", s.ReplacedBy)
	}
	for _, name := range slices.Sorted(maps.Keys(counters)) {
		fmt.Fprintf(w, "%s\t%s\n", name, console.Number(counters[name]))
	}
	for _, m := range messages[max(0, len(messages)-mostMessages):] {
		kind := "warning"
		if m.Importance == dataflowapi.Error {
			kind = "error"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", kind, m.Time.Format(time.RFC3339), strings.Join(strings.Fields(m.Text), " "))
	}
	return nil
}

func (d *dataflowCluster) savepoint(context.Context, string, string) (string, error) {
	return "", usagef("Dataflow makes no savepoints: a job keeps its state while it runs: replace it with flexbeam run --dataflow-update")
}

func (d *dataflowCluster) stop(context.Context, string, string) (string, error) {
	return "", usagef("Dataflow makes no savepoints: replace the job with flexbeam run --dataflow-update, which keeps its state, or end it with flexbeam job drain")
}

func (d *dataflowCluster) drain(ctx context.Context, id string) (string, error) {
	return d.end(ctx, id, d.client.Drain)
}

func (d *dataflowCluster) cancel(ctx context.Context, id string) (string, error) {
	return d.end(ctx, id, d.client.Cancel)
}

func (d *dataflowCluster) end(ctx context.Context, id string, ask func(context.Context, string) error) (string, error) {
	if err := ask(ctx, id); err != nil {
		return "", err
	}
	j, err := d.client.Await(ctx, id, d.every)
	return j.State.String(), err
}
