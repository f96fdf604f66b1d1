package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"flexbeam/internal/testkit/bigquerylocal"
)

// serve is the process of the local BigQuery: it tells its endpoints and ends with its input.
func serve() error {
	s, err := bigquerylocal.Start(bigquerylocal.Options{AnyDay: true})
	if err != nil {
		return err
	}
	fmt.Println(strings.TrimSuffix(s.RESTEndpoint, "/bigquery/v2/"), s.GRPCEndpoint)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Close()
}

// A child is a process that ends with its input, or is killed.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	first string // line that it wrote
}

// begin starts a process and waits for its first line, on standard output or error.
func begin(errors bool, name string, args ...string) (*child, error) {
	c := &child{cmd: exec.Command(name, args...)}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.stdin = in
	pipe := c.cmd.StdoutPipe
	if errors {
		pipe = c.cmd.StderrPipe
	} else {
		c.cmd.Stderr = os.Stderr
	}
	out, err := pipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	if c.first, err = lines.ReadString('\n'); err != nil {
		c.stop()
		return nil, fmt.Errorf("%s: it ends without a word: %w", name, err)
	}
	c.first = strings.TrimSpace(c.first)
	go func() { _, _ = io.Copy(io.Discard, lines) }() // so that it can go on
	return c, nil
}

// stop ends the process.
func (c *child) stop() {
	_ = c.stdin.Close()
	_ = c.cmd.Process.Kill() // it keeps nothing
	_ = c.cmd.Wait()
}
