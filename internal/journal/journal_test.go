package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// reopen opens a directory and returns what came back.
func reopen(t testing.TB, dir string) (*Journal, []string, Recovery) {
	t.Helper()
	var got []string
	j, r, err := Open(dir, func(entry []byte) error {
		got = append(got, string(entry))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Entries != int64(len(got)) {
		t.Errorf("%d entries came back, the recovery says %d", len(got), r.Entries)
	}
	return j, got, r
}

// held returns what comes back from a directory whose process is gone.
func held(t testing.TB, dir string) []string {
	t.Helper()
	j, got, _ := reopen(t, dir)
	closed(t, j)
	return got
}

func closed(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func synced(t testing.TB, j *Journal, entries ...string) {
	t.Helper()
	for _, e := range entries {
		j.Append([]byte(e))
	}
	if err := j.Sync(j.Mark()); err != nil {
		t.Fatal(err)
	}
}

func replaced(t testing.TB, j *Journal, at Mark, entries ...string) {
	t.Helper()
	if err := j.Snapshot(at, entriesOf(entries...)); err != nil {
		t.Fatal(err)
	}
}

// entriesOf returns the argument of Snapshot for a snapshot of entries.
func entriesOf(entries ...string) func(add func([]byte) error) error {
	return func(add func([]byte) error) error {
		for _, e := range entries {
			if err := add([]byte(e)); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestEntriesComeBackInOrderOnceTheyWereSynced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	j, got, r := reopen(t, dir)
	if got != nil || r.Torn != 0 {
		t.Errorf("a new directory holds %q, %+v", got, r)
	}
	j.Append([]byte("a"))
	j.Append([]byte("b"))
	mark := j.Mark()
	j.Append([]byte("c"))
	if err := j.Sync(mark); err != nil {
		t.Fatal(err)
	}
	closed(t, j)
	j, got, _ = reopen(t, dir)
	if d := cmp.Diff([]string{"a", "b"}, got); d != "" {
		t.Errorf("c was not synced (-want +got):\n%s", d)
	}
	mark = j.Mark()
	synced(t, j, "d")
	if err := j.Sync(mark); err != nil {
		t.Errorf("what is on disk already: %v", err)
	}
	j.Append([]byte("never synced"))
	closed(t, j)
	if d := cmp.Diff([]string{"a", "b", "d"}, held(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	st, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	j, _, _ = reopen(t, dir)
	defer closed(t, j)
	if j.Size() != st.Size() {
		t.Errorf("size %d, the file has %d", j.Size(), st.Size())
	}
}

func TestReplaceKeepsWhatCameAfterItsMark(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	synced(t, j, "a", "b")
	j.Append([]byte("c"))
	mark := j.Mark()
	j.Append([]byte("d"))
	replaced(t, j, mark, "all of a, b and c")
	copied := copyOf(t, dir) // as a process that dies now leaves it
	if d := cmp.Diff([]string{"all of a, b and c"}, held(t, copied)); d != "" {
		t.Errorf("before the next sync (-want +got):\n%s", d)
	}
	synced(t, j, "e")
	if err := j.Snapshot(mark, entriesOf("too late")); !errors.Is(err, ErrMark) {
		t.Errorf("a snapshot for a mark before d and e, which are in the file: %v", err)
	}
	closed(t, j)
	if d := cmp.Diff([]string{"all of a, b and c", "d", "e"}, held(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// copyOf copies a journal's file to another directory.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	return dirOf(t, b)
}

// dirOf returns a directory with a file of the given bytes.
func dirOf(t testing.TB, b []byte) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, b)
	return dir
}

func put(t testing.TB, dir string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, fileName), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// file returns a file with a snapshot and a log, and where each of their frames ends.
func file(snapshot, log []string) (b []byte, snapshotEnd int, ends []int) {
	b = []byte(header)
	for _, e := range snapshot {
		b = appendFrame(b, []byte(e))
	}
	b = appendFrame(b, endOfSnapshot)
	snapshotEnd = len(b)
	for _, e := range log {
		b = appendFrame(b, []byte(e))
		ends = append(ends, len(b))
	}
	return b, snapshotEnd, ends
}

// checkDamaged opens a file that is not as it was written from byte at on, and goes on with it if
// wanted. It says what is wrong.
func checkDamaged(t testing.TB, dir string, b []byte, at int, snapshot, log []string, snapshotEnd int, ends []int, goOn bool) error {
	put(t, dir, b)
	var got []string
	j, r, err := Open(dir, func(entry []byte) error {
		got = append(got, string(entry))
		return nil
	})
	want := error(nil)
	switch {
	case at < len(header):
		want = ErrForeign
	case at < snapshotEnd:
		want = ErrDamaged
	}
	if want != nil {
		if !errors.Is(err, want) {
			return fmt.Errorf("got %v, want %v", err, want)
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer j.Close()
	n, end := 0, snapshotEnd
	for n < len(ends) && ends[n] <= at {
		end = ends[n]
		n++
	}
	if all := append(slices.Clone(snapshot), log[:n]...); !slices.Equal(all, got) {
		return fmt.Errorf("got %q, want %q", got, all)
	}
	if r.Torn != int64(len(b)-end) {
		return fmt.Errorf("%d bytes were cut off, want %d", r.Torn, len(b)-end)
	}
	if !goOn {
		return nil
	}
	// What comes next stands behind the prefix.
	j.Append([]byte("next"))
	if err := j.Sync(j.Mark()); err != nil {
		return err
	}
	j.Close()
	got = nil
	j, r, err = Open(dir, func(entry []byte) error {
		got = append(got, string(entry))
		return nil
	})
	if err != nil {
		return err
	}
	defer j.Close()
	if all := append(append(slices.Clone(snapshot), log[:n]...), "next"); r.Torn != 0 || !slices.Equal(all, got) {
		return fmt.Errorf("after another entry got %q, want %q; %d bytes were cut off", got, all, r.Torn)
	}
	return nil
}

func TestDamageAtAnyPlaceLeavesExactlyTheEntriesBeforeIt(t *testing.T) {
	snapshot, log := []string{"one", "two two"}, []string{"x", "yy", "a longer one", "\x00\x00\x00\x00\x00\x00\x00\x00", "z"}
	whole, snapshotEnd, ends := file(snapshot, log)
	dir := t.TempDir()
	check := func(what string, b []byte, at int, goOn bool) {
		t.Helper()
		if err := checkDamaged(t, dir, b, at, snapshot, log, snapshotEnd, ends, goOn); err != nil {
			t.Errorf("%s byte %d: %v", what, at, err)
		}
	}
	for at := range whole {
		check("cut off at", whole[:at], at, true)
		check("nothing but zeros from", append(slices.Clone(whole[:at]), make([]byte, len(whole)-at)...), firstDifference(whole, at), false)
		for bit := range 8 {
			flipped := slices.Clone(whole)
			flipped[at] ^= 1 << bit
			check(fmt.Sprintf("bit %d flipped in", bit), flipped, at, false)
		}
	}
	check("zeros behind", append(slices.Clone(whole), make([]byte, 64)...), len(whole), true)
}

// firstDifference returns the first byte from at on that is no zero.
func firstDifference(b []byte, at int) int {
	for at < len(b) && b[at] == 0 {
		at++
	}
	return at
}

func TestAnyDamageLeavesAPrefix(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringN(1, 40, 60)
		snapshot, log := rapid.SliceOfN(text, 0, 4).Draw(rt, "snapshot"), rapid.SliceOfN(text, 0, 12).Draw(rt, "log")
		whole, snapshotEnd, ends := file(snapshot, log)
		at := rapid.IntRange(0, len(whole)).Draw(rt, "at")
		b := append(slices.Clone(whole[:at]), rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(rt, "garbage")...)
		same := at
		for same < len(whole) && same < len(b) && whole[same] == b[same] {
			same++
		}
		if err := checkDamaged(t, dir, b, same, snapshot, log, snapshotEnd, ends, false); err != nil {
			rt.Fatalf("from byte %d on: %v", at, err)
		}
	})
}

// TestTheJournalIsAListOfEntries compares a journal, over processes that end at any moment, with a
// list.
func TestTheJournalIsAListOfEntries(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "flexbeam-journal-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		j, _, _ := reopen(t, dir)
		defer func() { j.Close() }()
		var durable, pending []string
		entry := rapid.StringN(1, 20, 30)
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				e := entry.Draw(rt, "entry")
				j.Append([]byte(e))
				pending = append(pending, e)
			},
			"sync some": func(rt *rapid.T) {
				mark, n := j.Mark(), len(pending)
				for range rapid.IntRange(0, 2).Draw(rt, "more") {
					j.Append([]byte("later"))
					pending = append(pending, "later")
				}
				if err := j.Sync(mark); err != nil {
					rt.Fatal(err)
				}
				durable, pending = append(durable, pending[:n]...), slices.Clone(pending[n:])
			},
			"replace": func(rt *rapid.T) {
				mark, n := j.Mark(), len(pending)
				for range rapid.IntRange(0, 2).Draw(rt, "more") {
					j.Append([]byte("later"))
					pending = append(pending, "later")
				}
				snapshot := rapid.SliceOfN(entry, 0, 3).Draw(rt, "snapshot")
				replaced(t, j, mark, snapshot...)
				durable, pending = snapshot, slices.Clone(pending[n:])
			},
			"replace in vain": func(rt *rapid.T) {
				snapshot, enough := rapid.SliceOfN(entry, 0, 3).Draw(rt, "snapshot"), errors.New("enough")
				err := j.Snapshot(j.Mark(), func(add func([]byte) error) error { return errors.Join(entriesOf(snapshot...)(add), enough) })
				if !errors.Is(err, enough) {
					rt.Fatal(err)
				}
			},
			"end": func(rt *rapid.T) {
				closed(t, j)
				var got []string
				var r Recovery
				j, got, r = reopen(t, dir)
				if !slices.Equal(durable, got) || r.Torn != 0 {
					rt.Fatalf("got %q, want %q; %d bytes were cut off", got, durable, r.Torn)
				}
				pending = nil
			},
		})
	})
}

func TestAnUnfinishedSnapshotIsNoSnapshot(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	synced(t, j, "a", "b")
	closed(t, j)
	next, _, _ := file([]string{"a and b"}, nil)
	for at := range len(next) + 1 { // a process that died while it wrote, and one that died before the renaming
		if err := os.WriteFile(filepath.Join(dir, newName), next[:at], 0o600); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"a", "b"}, held(t, dir)); d != "" {
			t.Fatalf("with %d bytes of the next snapshot (-want +got):\n%s", at, d)
		}
		if _, err := os.Stat(filepath.Join(dir, newName)); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the unfinished snapshot is still there: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, newName), next, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, newName), filepath.Join(dir, fileName)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a and b"}, held(t, dir)); d != "" {
		t.Errorf("after the renaming (-want +got):\n%s", d)
	}
}

func TestAReplayThatFailsSaysWhere(t *testing.T) {
	b, _, _ := file([]string{"a"}, []string{"b"})
	dir, bad := dirOf(t, b), errors.New("no such kind")
	_, _, err := Open(dir, func(entry []byte) error {
		if string(entry) == "b" {
			return bad
		}
		return nil
	})
	if !errors.Is(err, bad) || !bytes.Contains([]byte(err.Error()), []byte("state")) {
		t.Errorf("got %v", err)
	}
	if got := held(t, dir); len(got) != 2 { // the directory is free again, and whole
		t.Errorf("afterwards it holds %q", got)
	}
}

// FuzzOpen opens files of arbitrary bytes: what comes back stands in the file, frame by frame.
func FuzzOpen(f *testing.F) {
	whole, _, _ := file([]string{"one"}, []string{"two", "three"})
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add([]byte(header))
	f.Add([]byte{})
	f.Add(append([]byte(header), 0xff, 0xff, 0xff, 0x3f, 1, 2, 3, 4, 5)) // nearly a gigabyte long, as it says
	dir, end := f.TempDir(), appendFrame(nil, endOfSnapshot)
	f.Fuzz(func(t *testing.T, b []byte) {
		put(t, dir, b)
		var entries [][]byte
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		j, r, err := Open(dir, func(entry []byte) error {
			entries = append(entries, bytes.Clone(entry))
			return nil
		})
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20+uint64(8*len(b)) {
			t.Errorf("%d bytes were allocated for a file of %d", n, len(b))
		}
		if err != nil {
			if !errors.Is(err, ErrForeign) && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		defer j.Close()
		if j.Size()+r.Torn != int64(len(b)) {
			t.Fatalf("%d bytes are kept and %d cut off, of %d", j.Size(), r.Torn, len(b))
		}
		rest := b[len(header):]
		for _, e := range entries {
			for bytes.HasPrefix(rest, end) { // of the snapshot
				rest = rest[len(end):]
			}
			frame := appendFrame(nil, e)
			if len(e) == 0 || !bytes.HasPrefix(rest, frame) {
				t.Fatalf("%q came back, the file goes on with %q", e, rest)
			}
			rest = rest[len(frame):]
		}
	})
}

func BenchmarkAppendSync(b *testing.B) {
	for _, size := range []int{100, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			j, _, _ := reopen(b, b.TempDir())
			defer closed(b, j)
			entry := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				j.Append(entry)
				if err := j.Sync(j.Mark()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Read and Holder change nothing, also while a process has the directory open.
func TestADirectoryCanBeReadWhileItIsOpen(t *testing.T) {
	dir := t.TempDir()
	read := func() (got []string, err error) {
		err = Read(dir, func(entry []byte) error { got = append(got, string(entry)); return nil })
		return got, err
	}
	if got, err := read(); err != nil || got != nil || Holder(dir) != "" {
		t.Errorf("an empty directory: %q, %v, held by %q", got, err, Holder(dir))
	}
	j, _, _ := reopen(t, dir)
	synced(t, j, "a", "b")
	file := filepath.Join(dir, fileName)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(bytes.Clone(before), 1, 2, 3), 0o600); err != nil { // a frame is being written
		t.Fatal(err)
	}
	if got, err := read(); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q, %v", got, err)
	}
	if after, err := os.ReadFile(file); err != nil || len(after) != len(before)+3 {
		t.Errorf("it was changed: %d bytes, %v", len(after), err)
	}
	if got := Holder(dir); got != strconv.Itoa(os.Getpid()) {
		t.Errorf("held by %q", got)
	}
	closed(t, j)
	if got := Holder(dir); got != "" {
		t.Errorf("held by %q", got)
	}
	if err := os.WriteFile(file, []byte("this is no log of a state"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(); !errors.Is(err, ErrForeign) {
		t.Error(err)
	}
}
