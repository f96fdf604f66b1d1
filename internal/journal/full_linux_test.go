package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// full is a device that has no room for anything.
const full = "/dev/full"

func TestADiskWithoutRoomIsNamedOnceAndWithWhatToDo(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	defer closed(t, j)
	says := func(what string, err error, path string) {
		t.Helper()
		if !errors.Is(err, syscall.ENOSPC) || strings.Count(err.Error(), path) != 1 || !strings.Contains(err.Error(), "make room there and run the same command again") {
			t.Errorf("%s: %v", what, err)
		}
	}
	snapshot := filepath.Join(dir, newName)
	if err := os.Symlink(full, snapshot); err != nil {
		t.Fatal(err)
	}
	says("a snapshot", j.Snapshot(j.Mark(), func(add func([]byte) error) error { return add([]byte("a")) }), snapshot)
	device, err := os.OpenFile(full, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.file.Close(); err != nil {
		t.Fatal(err)
	}
	j.file = device
	j.Append([]byte("a"))
	says("the log", j.Sync(j.Mark()), full)
}
