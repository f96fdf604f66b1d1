package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

// A configuration is one way to get from a file to tables.
type configuration struct {
	name   string
	stream bool
	args   func(program, in, out string) []string
}

var configurations = []configuration{
	{name: "direct batch", args: flexbeam("direct", "batch")},
	{name: "DuckDB SQL", args: func(_, in, out string) []string { return []string{os.Args[0], "sql", in, out} }},
	{name: "prism batch", args: flexbeam("prism", "batch")},
	{name: "prism stream", stream: true, args: flexbeam("prism", "stream")},
}

func flexbeam(runner, mode string) func(program, in, out string) []string {
	return func(program, in, out string) []string {
		return []string{program, "run", "--source", "file:" + in, "--sink", "duckdb:" + out, "--runner", runner, "--mode", mode, "--progress", "none"}
	}
}

// A cell names a figure.
type cell struct {
	configuration string
	events        int
}

// A figure is what one run cost.
type figure struct {
	wall, cpu time.Duration
	peak      int64  // bytes of resident memory
	rows      string // engagements by type
}

func (c configuration) measure(program, dir string, in input) (figure, error) {
	out := filepath.Join(dir, "out.duckdb")
	for _, f := range []string{out, out + ".wal"} {
		if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
			return figure{}, err
		}
	}
	args := c.args(program, in.path, out)
	cmd := exec.Command(args[0], args[1:]...)
	var messages bytes.Buffer
	cmd.Stderr = &messages
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return figure{}, fmt.Errorf("%w: %s", err, messages.String())
	}
	f := figure{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		f.peak = u.Maxrss
		if runtime.GOOS == "linux" {
			f.peak *= 1024
		}
	}
	var err error
	f.rows, err = count(out)
	return f, err
}

// count returns the engagements by type in a DuckDB file.
func count(path string) (string, error) {
	db, err := sql.Open("duckdb", path+"?access_mode=read_only")
	if err != nil {
		return "", err
	}
	defer db.Close()
	var rows string
	err = db.QueryRow(`SELECT coalesce(string_agg(engagement_type || ' ' || n, ', ' ORDER BY engagement_type), 'no')
		FROM (SELECT engagement_type, count(*) AS n FROM engagements GROUP BY 1)`).Scan(&rows)
	return rows, err
}
