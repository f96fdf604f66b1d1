package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/internal/testkit/tape"
)

// stream is the name of the stream, with so many shards.
const (
	stream = "bench"
	shards = 8
)

// cache is DuckDB's own memory: little, so that it is full soon and what grows beside it shows.
const cache = "?memory_limit=256MB"

// A job is a flexbeam process that reads the server's stream.
type job struct {
	file    string // of the tables
	cmd     *exec.Cmd
	log     tape.Tape
	url     string // of its metrics
	started time.Time
	ended   chan error
}

// remembered is how many bytes a stream holds that is written to for long: some 600,000 records,
// more than a job is behind.
const remembered = 2 << 30

// serve starts a server with an empty stream that forgets the oldest records beyond so many bytes,
// or none for 0.
func serve(most int64) (*kinesisfake.Server, error) {
	server := kinesisfake.New(kinesisfake.Options{MaxStreamBytes: most})
	if err := server.Start(); err != nil {
		return nil, err
	}
	server.CreateStream(stream, shards)
	return server, nil
}

var served = regexp.MustCompile(`http://\S+/metrics`)

// start starts a job with nothing in its tables and state, and waits until it serves metrics.
func start(ctx context.Context, s settings, server *kinesisfake.Server, name string) (*job, error) {
	j := &job{file: filepath.Join(s.dir, name+".duckdb"), ended: make(chan error, 1)}
	state := filepath.Join(s.dir, name+".state")
	for _, old := range []string{j.file, j.file + ".wal", state} {
		if err := os.RemoveAll(old); err != nil {
			return nil, err
		}
	}
	sink := s.sink
	if sink == "" {
		sink = "duckdb:" + j.file + cache
	}
	j.cmd = exec.CommandContext(ctx, s.program, "run", "--source", "kinesis:"+stream+"?endpoint="+server.URL, "--sink", sink,
		"--state", state, "--metrics-addr", "127.0.0.1:0", "--log-level", "info", "--progress", "none")
	j.cmd.Stderr = &j.log
	j.started = time.Now()
	if err := j.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: make build makes it", err)
	}
	go func() { j.ended <- j.cmd.Wait() }()
	return j, j.await(ctx, time.Minute, func() (bool, error) {
		j.url = served.FindString(j.log.String())
		return j.url != "", nil
	})
}

// await waits until done says so, while the job runs.
func (j *job) await(ctx context.Context, most time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if err := j.pause(ctx, 50*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("in vain waited %v: %w: %s", most, ctx.Err(), j.log.String())
		} else if err != nil {
			return err
		}
	}
}

// pause waits for a time, while the job runs.
func (j *job) pause(ctx context.Context, d time.Duration) error {
	select {
	case err := <-j.ended:
		return fmt.Errorf("the job ended (%v): %s", err, j.log.String())
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// metrics reads the job's metrics.
func (j *job) metrics() (sample, error) {
	r, err := http.Get(j.url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	return parse(r.Body)
}

// mapped returns how much of a process's resident memory is of files, such as the program itself; 0
// where that is not told.
func (j *job) mapped() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", j.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "\nRssFile:")
	var kib float64
	fmt.Sscanf(rest, "%f", &kib)
	return 1024 * kib
}

// stop drains the job.
func (j *job) stop() error {
	if err := j.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-j.ended:
		if err != nil {
			return fmt.Errorf("the job failed: %w: %s", err, j.log.String())
		}
		return nil
	case <-time.After(2 * time.Minute):
		return errors.Join(errors.New("the job does not end"), j.cmd.Process.Kill())
	}
}
