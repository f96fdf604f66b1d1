package flinklocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"flexbeam/internal/filelock"
)

// ErrTool says that a program is missing which this machine must have.
var ErrTool = errors.New("a program is missing")

// tools are the programs that a cluster needs.
type tools struct {
	java string
	mvn  string   // to download
	pip  []string // to download; a command with its first arguments
}

// oldestJava and newestJava are the versions that Flink runs on.
const (
	oldestJava = 11
	newestJava = 17
)

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// findJava finds Java: that of JAVA_HOME, else the one in the path.
func findJava(ctx context.Context) (tools, error) {
	name := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		name = filepath.Join(home, "bin", "java")
	}
	how := fmt.Sprintf("install a Java runtime of version %d or %d (Debian, Ubuntu: openjdk-17-jre-headless), or set JAVA_HOME", oldestJava, newestJava)
	file, err := exec.LookPath(name)
	if err != nil {
		return tools{}, fmt.Errorf("%w: there is no %s: %s", ErrTool, name, how)
	}
	out, err := exec.CommandContext(ctx, file, "-version").CombinedOutput()
	if err != nil {
		return tools{}, fmt.Errorf("%w: %s -version: %w: %s", ErrTool, file, err, how)
	}
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return tools{}, fmt.Errorf("%w: %s -version says %.100q: %s", ErrTool, file, out, how)
	}
	if n, err := strconv.Atoi(string(m[1])); err != nil || n < oldestJava || n > newestJava {
		return tools{}, fmt.Errorf("%w: %s is of version %s, which Flink %s does not run on: %s", ErrTool, file, m[1], FlinkVersion, how)
	}
	return tools{java: file}, nil
}

// find finds the programs that download.
func (t *tools) find() (err error) {
	if t.mvn, err = exec.LookPath("mvn"); err != nil {
		return fmt.Errorf("%w: there is no mvn, which downloads Beam's job server: install Maven (Debian, Ubuntu: maven)", ErrTool)
	}
	for _, name := range []string{"pip3", "pip"} {
		if file, err := exec.LookPath(name); err == nil {
			t.pip = []string{file}
			return nil
		}
	}
	return fmt.Errorf("%w: there is no pip, which downloads Flink: install Python 3 with pip (Debian, Ubuntu: python3-pip)", ErrTool)
}

// run runs a command in a folder. The end of its output is part of the error.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(append([]string{filepath.Base(name)}, args[:1]...), " "), err, tail(out))
	}
	return nil
}

// tail returns the end of an output.
func tail(out []byte) []byte {
	const most = 2000
	return out[max(0, len(out)-most):]
}

// lock waits until no other process holds a file.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	for {
		f, err := filelock.Take(file, 0o644)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, filelock.ErrTaken) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
