//go:build flink

package pipeline

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"flexbeam/internal/testkit/flinklocal"
	"flexbeam/runners/flink/flinkrest"
)

// showsWhatAlertsAskFor waits until the cluster has every metric that the alerts for Flink ask for. Its
// reporter for Prometheus writes names as scope and metric with underscores between; the REST interface has
// a page for each scope, on which names have dots.
func (r flinkRun) showsWhatAlertsAskFor() {
	r.t.Helper()
	rules, err := os.ReadFile(filepath.Join("..", "deploy", "prometheus", "flink.yml"))
	if err != nil {
		r.t.Fatal(err)
	}
	missing := regexp.MustCompile(`\bflink_\w+`).FindAllString(string(rules), -1)
	slices.Sort(missing)
	if missing = slices.Compact(missing); len(missing) < 8 {
		r.t.Fatalf("the alerts for Flink ask for %q only", missing)
	}
	job := "/jobs/" + r.theJob()
	var j struct {
		Vertices []struct {
			ID string `json:"id"`
		} `json:"vertices"`
	}
	get(r.t, r.cluster, job, &j)
	pages := []struct{ scope, path string }{ // a scope that begins with another one stands in front of it
		{"flink_jobmanager_job_", job + "/metrics"},
		{"flink_jobmanager_", "/jobmanager/metrics"},
		{"flink_taskmanager_job_task_", job + "/vertices/" + j.Vertices[0].ID + "/subtasks/metrics"},
		{"flink_taskmanager_", "/taskmanagers/metrics"},
	}
	r.until(func() bool { // Flink gathers them from its processes from time to time
		missing = slices.DeleteFunc(missing, func(name string) bool {
			for _, p := range pages {
				metric, ok := strings.CutPrefix(name, p.scope)
				if !ok {
					continue
				}
				var all []struct {
					ID string `json:"id"`
				}
				get(r.t, r.cluster, p.path, &all)
				for _, m := range all {
					if strings.ReplaceAll(m.ID, ".", "_") == metric {
						return true
					}
				}
				return false
			}
			return false
		})
		return len(missing) == 0
	}, func() string { return "metrics of Flink " + strings.Join(missing, ", ") })
}

// A TaskManager that is asked for its metrics, and ends before it answers, holds those of the whole cluster
// up for web.timeout: a job would look as if its watermark stood.
func TestMetricsOfFlinkAreRenewedAfterTheEndOfATaskManager(t *testing.T) {
	c := startFlink(t)
	client, last := flinkrest.New(c.REST()), int64(0)
	renewed := func() bool {
		at, err := client.Clock(t.Context())
		before := last
		last = max(last, at)
		return err == nil && before != 0 && at > before
	}
	await := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: in vain waited a minute", what)
			}
		}
	}
	await("metrics before", renewed)
	if err := syscall.Kill(c.Processes()[flinklocal.TaskManager(0)], syscall.SIGSTOP); err != nil { // it is asked, and silent
		t.Fatal(err)
	}
	stood := 0 // looks in a row at which nothing was new
	await("metrics that stand", func() bool {
		if stood++; renewed() {
			stood = 0
		}
		return stood > 20
	})
	c.Kill(flinklocal.TaskManager(0))
	await("metrics after", renewed)
}
