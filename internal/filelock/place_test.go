package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flexbeam/internal/filelock"
)

func TestAFileThatLeavesItsPlaceIsToldOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for name, leave := range map[string]func() error{
		"deleted":  func() error { return os.Remove(path) },
		"moved":    func() error { return os.Rename(path, path+".moved") },
		"replaced": func() error { return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600)) },
	} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := filelock.PlaceOf(path)
		if err == nil {
			err = p.Check("the file")
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := leave(); err != nil {
			t.Fatal(err)
		}
		if err := p.Check("the file"); !errors.Is(err, filelock.ErrGone) || !strings.HasPrefix(err.Error(), "the file was ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
