// Package childtest starts the children of tests that kill processes.
package childtest

import (
	"bufio"
	"os"
	"os/exec"
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
