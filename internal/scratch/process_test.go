//go:build unix

package scratch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"flexbeam/internal/testkit/childtest"
)

// childEnv tells a child process of the tests what to do, and where.
const childEnv = "FLEXBEAM_TEST_CHILD"

func TestMain(m *testing.M) {
	if what, dir, ok := strings.Cut(os.Getenv(childEnv), ": "); ok {
		child(what, dir)
		return
	}
	os.Exit(m.Run())
}

// child holds values until it is killed, or puts more until it cannot.
func child(what, dir string) {
	s, err := Open(dir)
	if err != nil {
		panic(err)
	}
	s.segmentSize, s.bufferSize = 256<<10, 4<<10
	if what == "hold" {
		for range 1000 {
			if _, err := s.Put(make([]byte, 1000)); err != nil {
				panic(err)
			}
		}
		fmt.Println(len(s.segments))
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or the process of the tests has ended
		return
	}
	signal.Ignore(syscall.SIGXFSZ) // a file that grows too long is an error of the write
	limit := syscall.Rlimit{Cur: 64<<10 + 100, Max: 1 << 30}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	fmt.Println(fill(s, func() error {
		limit.Cur = limit.Max
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	}))
}

// fill puts values until the disk is full, which freeRoom changes, and goes on. It says what is wrong.
func fill(s *Store, freeRoom func() error) error {
	var refs []Ref
	var full error
	more := func(n int) {
		for full = nil; full == nil && n > 0; n-- {
			var r Ref
			if r, full = s.Put(bytes.Repeat([]byte{byte(len(refs))}, 1000)); full == nil {
				refs = append(refs, r)
			}
		}
	}
	for range 2 { // it stays full
		more(1000)
		if m := fmt.Sprint(full); !errors.Is(full, syscall.EFBIG) || !strings.Contains(m, s.dir) || !strings.Contains(m, "free room there, or name another directory") {
			return fmt.Errorf("after %d values: %w", len(refs), full)
		}
	}
	if err := freeRoom(); err != nil {
		return err
	}
	if more(1000); full != nil {
		return fmt.Errorf("with room again: %w", full)
	}
	for i, r := range refs {
		if b, err := s.Get(r, nil); err != nil || !bytes.Equal(b, bytes.Repeat([]byte{byte(i)}, 1000)) {
			return fmt.Errorf("value %d: %w", i, err)
		}
	}
	return s.Close()
}

// startChild starts a child and returns its first line.
func startChild(t *testing.T, what, dir string) (*exec.Cmd, string) {
	t.Helper()
	c, line := childtest.Start(t, childEnv+"="+what+": "+dir)
	return c, strings.TrimSpace(line)
}

func TestAProcessThatIsKilledLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	c, segments := startChild(t, "hold", dir)
	if segments != "4" {
		t.Errorf("the child has %s segments", segments)
	}
	if n := names(t, dir); n != nil {
		t.Errorf("while it runs the directory shows %q", n)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if s, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		t.Errorf("the child ended by itself: %v", c.ProcessState)
	}
	if n := names(t, dir); n != nil {
		t.Errorf("afterwards the directory shows %q", n)
	}
}

func TestAFullDiskLosesNothingBeforeAndIsGoneWhenThereIsRoom(t *testing.T) {
	c, wrong := startChild(t, "fill", t.TempDir())
	_ = c.Wait()
	if wrong != "<nil>" {
		t.Error(wrong)
	}
}
