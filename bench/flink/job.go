package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"flexbeam/internal/testkit/flinklocal"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/runners/flink/flinkrest"
)

// world is what jobs run on.
type world struct {
	settings
	cluster *flinklocal.Cluster
	flink   *flinkrest.Client
	service *child // the local BigQuery
	pool    *child // of workers
	sinks   int
}

func build(ctx context.Context, s settings) (w *world, err error) {
	w = &world{settings: s}
	if w.service, err = begin(false, s.self, "serve"); err != nil {
		return w, err
	}
	if w.pool, err = begin(true, s.worker, "--worker-pool", "localhost:0"); err != nil {
		return w, fmt.Errorf("%w: make build makes it", err)
	}
	w.cluster, err = flinklocal.Start(ctx, flinklocal.Options{Dir: s.dir, Slots: 2, Say: func(text string) { fmt.Println(text) }})
	if err == nil {
		w.flink = flinkrest.New(w.cluster.REST())
	}
	return w, err
}

func (w *world) close() {
	if w.cluster != nil {
		w.cluster.Stop()
	}
	for _, c := range []*child{w.pool, w.service} {
		if c != nil {
			c.stop()
		}
	}
}

// sink returns the URI of a dataset that is new.
func (w *world) sink() string {
	w.sinks++
	rest, grpc, _ := strings.Cut(w.service.first, " ")
	return fmt.Sprintf("bigquery:local-project.bench_%d?endpoint=%s&grpc_endpoint=%s", w.sinks, rest, grpc)
}

// goes and javas are the processes whose processor time counts, of Go's and of Java.
func (w *world) goes() []int { return family(w.pool.cmd.Process.Pid) }

func (w *world) javas() []int {
	p := w.cluster.Processes()
	return []int{p[flinklocal.JobManager], p[flinklocal.TaskManager(0)]}
}

// A job is a flexbeam process that reads the stream.
type job struct {
	cmd   *exec.Cmd
	log   messages
	ended chan error
}

// messages is what a process says.
type messages struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (m *messages) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.b.Write(p)
}

func (m *messages) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.b.String()
}

// start starts a job with more flags.
func (w *world) start(server *kinesisfake.Server, sink string, flags ...string) (*job, error) {
	j := &job{ended: make(chan error, 1)}
	args := []string{"run", "--source", "kinesis:" + stream + "?endpoint=" + server.URL, "--sink", sink, "--log-level", "info", "--progress", "none"}
	j.cmd = exec.Command(w.program, append(args, flags...)...)
	j.cmd.Stderr = &j.log
	if err := j.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: make build makes it", err)
	}
	go func() { j.ended <- j.cmd.Wait() }()
	return j, nil
}

// onFlink starts a job on the cluster and returns Flink's ID of it, once it runs.
func (w *world) onFlink(ctx context.Context, server *kinesisfake.Server, sink string, parallelism int) (j *job, id string, err error) {
	_, pool, _ := strings.Cut(w.pool.first, "address=")
	j, err = w.start(server, sink, "--runner", "flink", "--flink-endpoint", w.cluster.Endpoint(), "--flink-rest", w.cluster.REST(),
		"--flink-environment", "external", "--flink-worker", pool, "--flink-parallelism", fmt.Sprint(parallelism),
		"--flink-checkpoint-every", w.checkpoints.String(), "--flink-renew-every", "0",
		"--flink-bundle-size", fmt.Sprint(w.bundleSize), "--flink-bundle-time", w.bundleTime.String())
	if err != nil {
		return nil, "", err
	}
	return j, id, j.await(ctx, askEvery, func() bool {
		jobs, _ := w.flink.Jobs(ctx) // it is asked again
		for _, one := range jobs {
			if one.State == flinkrest.Running {
				id = one.ID
			}
		}
		return id != ""
	})
}

// most is how long a part of a measurement may take.
const most = 20 * time.Minute

// How often it is asked how far a job is. Each question for counters makes the cluster gather all of its
// metrics, at most twice a second, which is processor time that is told as that of the job.
const (
	askEvery  = 100 * time.Millisecond
	tellEvery = time.Second
)

// await waits until done says so, while the job runs.
func (j *job) await(ctx context.Context, every time.Duration, done func() bool) error {
	for deadline := time.Now().Add(most); !done(); {
		select {
		case err := <-j.ended:
			return fmt.Errorf("the job ended (%v): %s", err, j.log.String())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("in vain waited %v: %s", most, j.log.String())
		}
	}
	return nil
}

// stop drains the job.
func (j *job) stop() error {
	if err := j.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := <-j.ended; err != nil {
		return fmt.Errorf("the job ended with %w: %s", err, j.log.String())
	}
	return nil
}

// kill ends a job that is not needed any more, if it runs.
func (j *job) kill() { _ = j.cmd.Process.Kill() }
