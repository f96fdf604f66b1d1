//go:build unix

package journal

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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
	flag.Parse()
	checks := false
	flag.Visit(func(f *flag.Flag) { checks = checks || f.Name == "rapid.checks" })
	if !checks { // syncing to disk is most of a check
		flag.Set("rapid.checks", "30")
	}
	os.Exit(m.Run())
}

// child holds a directory until it is killed, within a snapshot or not; or fills it, or a snapshot,
// until it cannot.
func child(what, dir string) {
	if what == "fill" || what == "fill a snapshot" {
		signal.Ignore(syscall.SIGXFSZ) // a file that grows too long is an error of the write
		limit := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			panic(err)
		}
	}
	j, _, err := Open(dir, func([]byte) error { return nil })
	if err != nil {
		panic(err)
	}
	switch what {
	case "hold":
		hold()
	case "hold a snapshot":
		j.Append([]byte("synced"))
		if err := j.Sync(j.Mark()); err != nil {
			panic(err)
		}
		j.Append([]byte("pending"))
		panic(j.Snapshot(j.Mark(), func(add func([]byte) error) error {
			if err := add(make([]byte, 4<<20)); err != nil {
				return err
			}
			hold()
			return nil
		}))
	case "fill a snapshot":
		j.Append([]byte("pending"))
		err := j.Snapshot(j.Mark(), entriesOf(strings.Repeat("x", 40<<10), strings.Repeat("x", 40<<10)))
		fmt.Println(errors.Is(err, syscall.EFBIG), j.Sync(j.Mark()) == nil)
		return
	}
	for i := 0; ; i++ {
		j.Append([]byte(entryOf(i)))
		err := j.Sync(j.Mark())
		if err == nil {
			continue
		}
		j.Append([]byte("more"))
		again, replace := j.Sync(j.Mark()), j.Snapshot(j.Mark(), entriesOf())
		fmt.Println(i, errors.Is(err, syscall.EFBIG), again == err, replace == err)
		return
	}
}

// hold waits until the process is killed, or that of the tests has ended.
func hold() {
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func entryOf(i int) string { return fmt.Sprintf("entry %d %s", i, strings.Repeat("x", i%500)) }

// startChild starts a child and returns its first line.
func startChild(t *testing.T, what, dir string) (*exec.Cmd, string) {
	t.Helper()
	return childtest.Start(t, childEnv+"="+what+": "+dir)
}

// kill kills a child, which must not have ended by itself.
func kill(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if s, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		t.Errorf("the child ended by itself: %v", c.ProcessState)
	}
}

func TestADirectoryBelongsToOneProcessUntilItEnds(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	if _, _, err := Open(dir, nil); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second opener of the process: %v", err)
	}
	closed(t, j)

	c, _ := startChild(t, "hold", dir)
	if _, _, err := Open(dir, nil); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(c.Process.Pid)) {
		t.Errorf("while another process has it: %v", err)
	}
	kill(t, c)
	j, _, _ = reopen(t, dir) // what the killed process left behind is no lock
	closed(t, j)
}

func TestAFullDiskIsAnErrorFromThenOnAndLosesNothingBefore(t *testing.T) {
	dir := t.TempDir()
	c, line := startChild(t, "fill", dir)
	_ = c.Wait()
	var n int
	var full, sticks, replace bool
	if _, err := fmt.Sscan(line, &n, &full, &sticks, &replace); err != nil {
		t.Fatalf("%v in %q", err, line)
	}
	if n < 10 || !full || !sticks || !replace {
		t.Errorf("after %d entries: the first error is of the disk: %t, the next sync gives it again: %t, so does a snapshot: %t", n, full, sticks, replace)
	}
	got := held(t, dir)
	if len(got) < n || len(got) > n+1 {
		t.Fatalf("%d entries came back, %d were synced", len(got), n)
	}
	for i, e := range got {
		if e != entryOf(i) {
			t.Fatalf("entry %d is %q", i, e)
		}
	}
}

func TestAWriteErrorIsTheErrorOfEverySyncFromThenOn(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	synced(t, j, "a")
	if err := j.file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Sync(j.Mark()); err != nil {
		t.Errorf("with nothing to write: %v", err)
	}
	j.Append([]byte("b"))
	first := j.Sync(j.Mark())
	if !errors.Is(first, os.ErrClosed) || !strings.Contains(first.Error(), "write") {
		t.Errorf("got %v", first)
	}
	for range 2 {
		if err := j.Sync(j.Mark()); err != first {
			t.Errorf("later %v", err)
		}
	}
	j.Close() // the file is closed already
	if got := held(t, dir); len(got) != 1 {
		t.Errorf("the directory holds %q", got)
	}
}

func TestADirectoryThatCannotBeWrittenIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(file, nil); err == nil || !strings.Contains(err.Error(), "make the directory") {
		t.Errorf("got %v", err)
	}
}

func TestAProcessThatIsKilledWithinASnapshotLosesNothingBefore(t *testing.T) {
	dir := t.TempDir()
	c, _ := startChild(t, "hold a snapshot", dir)
	if st, err := os.Stat(filepath.Join(dir, newName)); err != nil || st.Size() < 1<<20 {
		t.Fatalf("none of the snapshot is in its file: %v", err)
	}
	kill(t, c)
	if got := held(t, dir); len(got) != 1 || got[0] != "synced" {
		t.Errorf("the directory holds %q", got)
	}
	hasNoSnapshot(t, dir)
}

func TestASnapshotThatTheDiskHasNoRoomForChangesNothing(t *testing.T) {
	dir := t.TempDir()
	c, line := startChild(t, "fill a snapshot", dir)
	_ = c.Wait()
	if line != "true true\n" {
		t.Errorf("the error is of the disk, and the next sync works: %q", line)
	}
	hasNoSnapshot(t, dir)
	if got := held(t, dir); len(got) != 1 || got[0] != "pending" {
		t.Errorf("the directory holds %q", got)
	}
}
