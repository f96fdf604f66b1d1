//go:build unix

package filelock_test

import (
	"errors"
	"path/filepath"
	"testing"

	"flexbeam/internal/filelock"
)

func TestAFileHasOneHolderUntilItIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	f, err := filelock.Take(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Take(path, 0o600); !errors.Is(err, filelock.ErrTaken) {
		t.Errorf("a second holder: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = filelock.Take(path, 0o600); err != nil {
		t.Fatalf("it is not free again: %v", err)
	}
	f.Close()
}

func TestAFileThatCannotBeMadeIsNotTaken(t *testing.T) {
	_, err := filelock.Take(filepath.Join(t.TempDir(), "none", "lock"), 0o600)
	if err == nil || errors.Is(err, filelock.ErrTaken) {
		t.Errorf("got %v", err)
	}
}
