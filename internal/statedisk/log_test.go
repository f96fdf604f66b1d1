package statedisk_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"flexbeam/internal/journal"
	"flexbeam/internal/statedisk"
	"flexbeam/internal/statedisk/statedisktest"
)

func open(dir string, restore statedisk.Restore) (statedisk.Disk, error) {
	l, _, err := statedisk.OpenLog(dir, restore)
	return l, err
}

func TestMain(m *testing.M) { statedisktest.Main(m, open) }

func TestLogKeepsWhatADiskPromises(t *testing.T) { statedisktest.Run(t, open) }

func TestLogKeepsItWithValuesInManyFiles(t *testing.T) {
	statedisktest.Run(t, statedisk.OpenSmall)
}

// ignore is a Restore that keeps nothing.
func ignore(statedisk.Change, func(statedisk.Ref)) error { return nil }

func spill(t *testing.T, d statedisk.Disk, head, value string) statedisk.Ref {
	t.Helper()
	var b statedisk.Batch
	b.Spill([]byte(head), []byte(value))
	refs, err := d.Commit(&b)
	if err != nil || len(refs) != 1 {
		t.Fatal(refs, err)
	}
	return refs[0]
}

// over releases a value and says that nothing takes its place.
func over(t *testing.T, d statedisk.Disk, head string, ref statedisk.Ref) {
	t.Helper()
	var b statedisk.Batch
	b.Delete([]byte(head))
	b.Release(ref)
	if _, err := d.Commit(&b); err != nil {
		t.Fatal(err)
	}
}

func TestAValueThatIsReleasedBehindTheMarkIsInTheSnapshot(t *testing.T) {
	dir := t.TempDir()
	d, err := open(dir, ignore)
	if err != nil {
		t.Fatal(err)
	}
	ref := spill(t, d, "head", "value")
	mark := d.Mark()
	over(t, d, "head", ref)
	err = d.Snapshot(mark, slices.Values([]statedisk.Change{{Op: statedisk.Spill, Key: []byte("head"), Ref: ref}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(d.Mark()); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var ops []statedisk.Op
	d, err = open(dir, func(c statedisk.Change, _ func(statedisk.Ref)) error {
		ops = append(ops, c.Op)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if want := []statedisk.Op{statedisk.Spill, statedisk.Delete}; !slices.Equal(ops, want) {
		t.Errorf("%q came back, not %q", ops, want)
	}
}

func TestALogNeedsASnapshotWhenMostOfItIsNotNeeded(t *testing.T) {
	d, err := open(t.TempDir(), ignore)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	needs := func(live int64, want bool) {
		t.Helper()
		if got := d.NeedsSnapshot(live); got != want {
			t.Errorf("with %d live bytes of %d a snapshot is needed: %t", live, d.Size(), got)
		}
	}
	needs(0, false)
	var b statedisk.Batch
	b.Put([]byte("key"), make([]byte, 20<<20))
	if _, err := d.Commit(&b); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(d.Mark()); err != nil {
		t.Fatal(err)
	}
	needs(0, true)
	needs(6<<20, true)
	needs(7<<20, false)
}

func TestATemporaryLogSpillsAndNothingOutlivesTheProcess(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d, err := statedisk.OpenTemporary("")
	if err != nil {
		t.Fatal(err)
	}
	ref := spill(t, d, "head", "value")
	if value, err := d.Load(ref, nil); err != nil || string(value) != "value" {
		t.Errorf("%q, %v", value, err)
	}
	if err := errors.Join(d.Sync(d.Mark()), d.Snapshot(d.Mark(), nil)); err != nil || d.NeedsSnapshot(0) {
		t.Error(err)
	}
	over(t, d, "head", ref)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

func TestABatchThatIsNotAsItWasWrittenEndsTheStart(t *testing.T) {
	for name, entry := range map[string]string{
		"an unknown operation":   "\xff\x01a\x01b",
		"a key that is cut off":  "\x81\x05a",
		"a value that is absent": "\x81\x01a",
		"a place that is short":  "\x84\x01a0123456789",
	} {
		dir := t.TempDir()
		j, _, err := journal.Open(dir, func([]byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		j.Append([]byte(entry))
		if err := errors.Join(j.Sync(j.Mark()), j.Close()); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the directory is given back
			if _, err := open(dir, ignore); !errors.Is(err, statedisk.ErrCorrupt) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestWhatRestoreReturnsEndsTheStart(t *testing.T) {
	dir := t.TempDir()
	d, err := open(dir, ignore)
	if err != nil {
		t.Fatal(err)
	}
	spill(t, d, "head", "value")
	if err := errors.Join(d.Sync(d.Mark()), d.Close()); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("wrong")
	if _, err := open(dir, func(statedisk.Change, func(statedisk.Ref)) error { return wrong }); !errors.Is(err, wrong) {
		t.Error(err)
	}
}

func TestEntriesFromBeforeThereWereBatchesAreGivenAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	j, _, err := journal.Open(dir, func([]byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	j.Append([]byte("Sink"))
	if err := errors.Join(j.Sync(j.Mark()), j.Close()); err != nil {
		t.Fatal(err)
	}
	got := ""
	d, err := open(dir, func(c statedisk.Change, _ func(statedisk.Ref)) error {
		if c.Op == statedisk.Older {
			got += string(c.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got != "Sink" {
		t.Errorf("%q came back", got)
	}
}
