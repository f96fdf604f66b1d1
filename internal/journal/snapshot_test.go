package journal

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hasNoSnapshot says that nothing is left of one that was not finished.
func hasNoSnapshot(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(dir, newName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an unfinished snapshot is there: %v", err)
	}
}

func TestASnapshotThatIsGivenUpChangesNothing(t *testing.T) {
	enough := errors.New("enough")
	for what, entries := range map[string]func(add func([]byte) error) error{
		"before the first entry": func(func([]byte) error) error { return enough },
		"while it is in memory": func(add func([]byte) error) error {
			return errors.Join(add([]byte("of the snapshot")), enough)
		},
		"when much of it is written": func(add func([]byte) error) error {
			return errors.Join(add(make([]byte, 4<<20)), add([]byte("of the snapshot")), enough)
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			j, _, _ := reopen(t, dir)
			synced(t, j, "a")
			j.Append([]byte("b"))
			mark, size := j.Mark(), j.Size()
			j.Append([]byte("c"))
			if err := j.Snapshot(mark, entries); !errors.Is(err, enough) {
				t.Fatalf("got %v", err)
			}
			hasNoSnapshot(t, dir)
			if j.Size() != size {
				t.Errorf("the size is %d, before it was %d", j.Size(), size)
			}
			if d := cmp.Diff([]string{"a"}, held(t, copyOf(t, dir))); d != "" {
				t.Errorf("before the next sync (-want +got):\n%s", d)
			}
			if err := j.Sync(mark); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{"a", "b"}, held(t, copyOf(t, dir))); d != "" {
				t.Errorf("after it (-want +got):\n%s", d)
			}
			replaced(t, j, j.Mark(), "all of a, b and c")
			synced(t, j, "d")
			closed(t, j)
			if d := cmp.Diff([]string{"all of a, b and c", "d"}, held(t, dir)); d != "" {
				t.Errorf("after another snapshot (-want +got):\n%s", d)
			}
		})
	}
}

func TestASnapshotThatCannotBeBegunChangesNothing(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	synced(t, j, "a")
	j.Append([]byte("b"))
	if err := os.Mkdir(filepath.Join(dir, newName), 0o700); err != nil { // in the way of a snapshot
		t.Fatal(err)
	}
	if err := j.Snapshot(j.Mark(), entriesOf("a and b")); err == nil || !strings.Contains(err.Error(), "write a snapshot") {
		t.Errorf("got %v", err)
	}
	synced(t, j, "c")
	closed(t, j)
	if d := cmp.Diff([]string{"a", "b", "c"}, held(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestASnapshotThatCannotTakeTheFilesPlaceIsTheErrorOfEverythingFromThenOn(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	synced(t, j, "a")
	path := filepath.Join(dir, fileName)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	first := j.Snapshot(j.Mark(), entriesOf("a"))
	if first == nil || !strings.Contains(first.Error(), "in the file's place") {
		t.Fatalf("got %v", first)
	}
	j.Append([]byte("b"))
	for range 2 {
		if sync, replace := j.Sync(j.Mark()), j.Snapshot(j.Mark(), entriesOf("a")); sync != first || replace != first {
			t.Errorf("later %v, %v", sync, replace)
		}
	}
	closed(t, j)
}

func TestEntriesAreAppendedWhileASnapshotIsWritten(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	synced(t, j, "a")
	mark, size := j.Mark(), j.Size()
	var others sync.WaitGroup
	err := j.Snapshot(mark, func(add func([]byte) error) error {
		j.Append([]byte("from the snapshot itself"))
		if j.Mark() <= mark || j.Size() != size {
			t.Errorf("mark %d after %d, size %d after %d", j.Mark(), mark, j.Size(), size)
		}
		others.Go(func() {
			for range 1000 {
				j.Append([]byte("b"))
				_, _ = j.Mark(), j.Size()
			}
		})
		for range 1000 {
			if err := add([]byte("c")); err != nil {
				return err
			}
		}
		return nil
	})
	others.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Sync(j.Mark()); err != nil {
		t.Fatal(err)
	}
	closed(t, j)
	count := map[string]int{}
	for _, e := range held(t, dir) {
		count[e]++
	}
	if d := cmp.Diff(map[string]int{"from the snapshot itself": 1, "b": 1000, "c": 1000}, count); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestASnapshotTakesNoMemoryOfItsSize(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	defer closed(t, j)
	entry, large := make([]byte, 2000), make([]byte, 3<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := j.Snapshot(j.Mark(), func(add func([]byte) error) error {
		for range 32_000 {
			if err := add(entry); err != nil {
				return err
			}
		}
		return add(large)
	})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if j.Size() < 64<<20 {
		t.Fatalf("the snapshot has %d bytes only", j.Size())
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
		t.Errorf("%d bytes were allocated for a snapshot of %d", n, j.Size())
	}
	if n := after.Mallocs - before.Mallocs; n > 1000 {
		t.Errorf("%d allocations for 32,000 entries", n)
	}
}
