// Package childtest starts the children of tests: those of tests that kill processes, and servers.
package childtest

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Start starts the test's own program again, with one more variable NAME=VALUE in its environment,
// and returns the child and its first line. The child's standard input ends with this process.
func Start(t *testing.T, variable string) (*exec.Cmd, string) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env, c.Stderr = append(os.Environ(), variable), os.Stderr
	if _, err := c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return c, line
}

// Serve starts a server that says "listening on ADDRESS" on a line of its own and ends when its standard
// input does, as it does with this process, and returns the address. It is ended with the test.
func Serve(t testing.TB, c *exec.Cmd) string {
	t.Helper()
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Process.Kill()
		_ = c.Wait() // killed
	})
	lines, address := bufio.NewReader(out), ""
	for said := ""; address == ""; {
		line, err := lines.ReadString('\n')
		said += line
		if err != nil {
			t.Fatalf("%s: %v: it said %s", c.Path, err, said)
		}
		if at, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on "); ok {
			address = at
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return address
}
