package statedisk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// OpenSmall is OpenLog with segments that few values fill.
func OpenSmall(dir string, restore Restore) (Disk, error) {
	v, err := openValues(dir, false)
	if err != nil {
		return nil, err
	}
	v.segmentSize, v.bufferSize = 100, 30
	l, _, err := openLog(dir, v, restore)
	return l, err
}

// opened opens a log of small segments, and returns the spilled values that came back by their
// heads.
func opened(t *testing.T, dir string) (*Log, map[string]Ref) {
	t.Helper()
	l, refs, err := tryOpen(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l, refs
}

func tryOpen(dir string) (*Log, map[string]Ref, error) {
	refs := map[string]Ref{}
	d, err := OpenSmall(dir, func(c Change, release func(Ref)) error {
		if r, ok := refs[string(c.Key)]; ok {
			release(r)
			delete(refs, string(c.Key))
		}
		if c.Op == Spill {
			refs[string(c.Key)] = c.Ref
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return d.(*Log), refs, nil
}

func spillValue(t *testing.T, l *Log, head, value string) Ref {
	t.Helper()
	var b Batch
	b.Spill([]byte(head), []byte(value))
	refs, err := l.Commit(&b)
	if err != nil {
		t.Fatal(err)
	}
	return refs[0]
}

func releaseValue(t *testing.T, l *Log, head string, r Ref) {
	t.Helper()
	var b Batch
	b.Delete([]byte(head))
	b.Release(r)
	if _, err := l.Commit(&b); err != nil {
		t.Fatal(err)
	}
}

func synced(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Sync(l.Mark()); err != nil {
		t.Fatal(err)
	}
}

func closed(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// files returns the numbers of the files with values.
func files(t *testing.T, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "values-*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i] = strings.TrimPrefix(filepath.Base(all[i]), "values-0000000")
	}
	return strings.Join(all, " ")
}

func TestAFileIsRemovedOnceTheReleaseOfItsLastValueIsDurable(t *testing.T) {
	dir := t.TempDir()
	l, _ := opened(t, dir)
	value := strings.Repeat("x", 40)
	refs := map[string]Ref{}
	for _, head := range []string{"a", "b", "c", "d", "e"} { // two in a file
		refs[head] = spillValue(t, l, head, value)
	}
	synced(t, l)
	for _, step := range []struct{ release, before, after string }{
		{"a", "1 2 3", "1 2 3"},
		{"b", "1 2 3", "2 3"},
		{"d", "2 3", "2 3"},
		{"e", "2 3", "2 3"}, // the one that is not full
		{"c", "2 3", "3"},
	} {
		releaseValue(t, l, step.release, refs[step.release])
		if got := files(t, dir); got != step.before {
			t.Errorf("before the release of %s is durable there are %s, not %s", step.release, got, step.before)
		}
		synced(t, l)
		if got := files(t, dir); got != step.after {
			t.Errorf("once the release of %s is durable there are %s, not %s", step.release, got, step.after)
		}
	}
	if _, err := l.Load(refs["a"], nil); !errors.Is(err, ErrReleased) {
		t.Errorf("a value whose file is gone: %v", err)
	}
	closed(t, l)
	l, left := opened(t, dir) // the log names files that are gone, and releases what was in them
	defer closed(t, l)
	if len(left) != 0 || files(t, dir) != "" || l.values.bytes() != 0 {
		t.Errorf("after a start %v are left in files %q", left, files(t, dir))
	}
	if r := spillValue(t, l, "f", value); r.Segment != 4 {
		t.Errorf("the next file is number %d, which the log names", r.Segment)
	}
}

func TestAStartRemovesWhatACrashLeftAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	l, _ := opened(t, dir)
	spillValue(t, l, "synced", "value")
	synced(t, l)
	for i := range 5 {
		spillValue(t, l, fmt.Sprint(i), strings.Repeat("x", 90))
	}
	closed(t, l)
	if got := files(t, dir); !strings.HasPrefix(got, "1 2 3") {
		t.Fatalf("there are %s", got)
	}
	for _, name := range []string{"values-", "values-1", "values-00000003.old", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, refs := opened(t, dir)
	defer closed(t, l)
	if got := files(t, dir); len(refs) != 1 || got != "values- 1 3.old values-1" {
		t.Errorf("%d values are left in %s", len(refs), got)
	}
	if _, err := os.Stat(filepath.Join(dir, "other")); err != nil {
		t.Error(err)
	}
	if value, err := l.Load(refs["synced"], nil); string(value) != "value" {
		t.Errorf("%q, %v", value, err)
	}
}

func TestAValueThatTheDiskChangedIsDamaged(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"a value is changed": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[2] ^= 1
			return os.WriteFile(path, b, 0o600)
		},
		"a file is shorter": func(path string) error { return os.Truncate(path, 8) },
		"a file is gone":    os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l, _ := opened(t, dir)
			spillValue(t, l, "head", "value")
			synced(t, l)
			closed(t, l)
			if err := damage(filepath.Join(dir, "values-00000001")); err != nil {
				t.Fatal(err)
			}
			l, refs, err := tryOpen(dir)
			if name == "a value is changed" { // values are not read at a start
				if err != nil {
					t.Fatal(err)
				}
				_, err = l.Load(refs["head"], nil)
				closed(t, l)
			}
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "values-00000001") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAValueThatCannotBeWrittenIsNotTakenAndAllEarlierOnesAre(t *testing.T) {
	dir := t.TempDir()
	l, _ := opened(t, dir)
	first := spillValue(t, l, "first", "value")
	file := l.values.current.file
	full, err := os.Open(file.Name()) // for reading
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var b Batch
	b.Put([]byte("record"), []byte("with it"))
	b.Spill([]byte("small"), []byte("x"))
	b.Spill([]byte("large"), bytes.Repeat([]byte("x"), 60))
	mark := l.Mark()
	l.values.current.file = full
	for range 2 {
		if _, err := l.Commit(&b); err == nil || !strings.Contains(err.Error(), "make room there") {
			t.Errorf("got %v", err)
		}
	}
	if l.Mark() != mark {
		t.Error("something of the batch is in the log")
	}
	l.values.current.file = file
	refs, err := l.Commit(&b)
	if err != nil {
		t.Fatal(err)
	}
	synced(t, l)
	for want, r := range map[string]Ref{"value": first, "x": refs[0], strings.Repeat("x", 60): refs[1]} {
		if got, err := l.Load(r, nil); string(got) != want {
			t.Errorf("%q instead of %q, %v", got, want, err)
		}
	}
	closed(t, l)
}

func TestWhenValuesCannotBeSyncedNothingBecomesDurableAnyMore(t *testing.T) {
	dir := t.TempDir()
	l, _ := opened(t, dir)
	spillValue(t, l, "first", "value")
	synced(t, l)
	spillValue(t, l, "second", "value")
	file := l.values.current.file
	full, err := os.Open(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	l.values.current.file = full
	wrong := l.Sync(l.Mark())
	if wrong == nil {
		t.Fatal("there is no error")
	}
	l.values.current.file = file
	if err := l.Sync(l.Mark()); err != wrong {
		t.Errorf("later: %v", err)
	}
	full.Close()
	closed(t, l)
	l, refs := opened(t, dir)
	defer closed(t, l)
	if _, ok := refs["first"]; !ok || len(refs) != 1 {
		t.Errorf("%v came back", refs)
	}
}

func TestManyMayCommitLoadAndSync(t *testing.T) {
	dir := t.TempDir()
	l, _ := opened(t, dir)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 50 {
				head := fmt.Sprintf("%d of %d", i, worker)
				r := spillValue(t, l, head, head+strings.Repeat("x", i))
				if got, err := l.Load(r, nil); string(got) != head+strings.Repeat("x", i) {
					t.Errorf("%q, %v", got, err)
				}
				if i%2 == 0 {
					releaseValue(t, l, head, r)
				}
				if i%10 == 0 {
					if err := l.Sync(l.Mark()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	synced(t, l)
	closed(t, l)
	l, refs := opened(t, dir)
	defer closed(t, l)
	if len(refs) != 100 {
		t.Errorf("%d values are left", len(refs))
	}
	for head, r := range refs {
		if got, err := l.Load(r, nil); !strings.HasPrefix(string(got), head) {
			t.Errorf("%q of %s, %v", got, head, err)
		}
	}
}
