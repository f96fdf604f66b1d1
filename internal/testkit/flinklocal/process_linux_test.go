package flinklocal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flexbeam/internal/testkit/childtest"
)

// orphan makes this test's program start a process, say its IDs, and wait to be killed.
const orphan = "FLEXBEAM_FLINKLOCAL_ORPHAN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(orphan); dir != "" {
		p, err := start(filepath.Join(dir, "java"), dir, "server")
		if err != nil {
			panic(err)
		}
		fmt.Println(p.cmd.Process.Pid)
		select {}
	}
	os.Exit(m.Run())
}

// folder returns a folder of a cluster in whose place of Java there is a script.
func folder(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "log"), 0o755); err != nil {
		t.Fatal(err)
	}
	program(t, dir, "java", script)
	return dir
}

// gone waits until a process is no more.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(b), ") Z ") { // nobody has waited for it
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

func TestAProcessDiesWithItsParent(t *testing.T) {
	dir := folder(t, "exec sleep 600")
	c, line := childtest.Start(t, orphan+"="+dir)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

func TestWhoDoesNotEndWhenAskedIsKilledWithItsChildren(t *testing.T) {
	dir := folder(t, `sleep 600 & echo $!; echo a line; wait`)
	p, err := start(filepath.Join(dir, "java"), dir, "server")
	if err != nil {
		t.Fatal(err)
	}
	var child int
	for deadline := time.Now().Add(time.Minute); child == 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		b, _ := os.ReadFile(p.log)
		if strings.Contains(string(b), "a line\n") {
			_, _ = fmt.Sscan(string(b), &child)
		}
	}
	p.stop()
	gone(t, p.cmd.Process.Pid)
	gone(t, child)
	if !strings.Contains(p.end().Error(), "the server ended: signal: ") || !strings.Contains(p.end().Error(), "a line") {
		t.Errorf("it tells of its end: %v", p.end())
	}
}

func TestTheLogOfTheRunBeforeIsKept(t *testing.T) {
	dir := folder(t, "echo $1")
	for _, word := range []string{"first", "second", "third"} {
		p, err := start(filepath.Join(dir, "java"), dir, "server", word)
		if err != nil {
			t.Fatal(err)
		}
		<-p.done
	}
	for name, want := range map[string]string{"server.log": "third\n", "server.log.1": "second\n"} {
		if b, err := os.ReadFile(filepath.Join(dir, "log", name)); string(b) != want {
			t.Errorf("%s holds %q, %v", name, b, err)
		}
	}
}
