package tempdir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is wrong with TMPDIR, the error names the directory and what to do.
func TestAnErrorSaysWhichDirectoryAndWhatToDo(t *testing.T) {
	there := t.TempDir()
	file := filepath.Join(there, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, why := range map[string]string{
		filepath.Join(there, "none"): "no such file or directory",
		file:                         "not a directory",
		filepath.Join(file, "none"):  "not a directory",
		"/proc/self":                 "no such file or directory", // where nobody may make a file
	} {
		t.Setenv("TMPDIR", dir)
		_, err := Make("flexbeam-test-")
		for _, err := range []error{err, Check()} {
			want := "no temporary files can be made in " + dir + ": " + why + ": set TMPDIR to a directory that can be written to"
			if err == nil || err.Error() != want {
				t.Errorf("%s: %v, want %s", dir, err, want)
			}
		}
	}
}

func TestCheckLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	dir, err := Make("flexbeam-test-")
	if err != nil || !strings.HasPrefix(filepath.Base(dir), "flexbeam-test-") {
		t.Fatal(dir, err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestADirectoryThatCannotHoldAnythingIsTold(t *testing.T) {
	there := t.TempDir()
	file := filepath.Join(there, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		there:                          "",
		filepath.Join(there, "a", "b"): "",
		file:                           file + " is no directory",
		filepath.Join(file, "a"):       file + " is no directory",
		filepath.Join(file, "a", "b"):  file + " is no directory",
		"/proc/self":                   "/proc/self: no such file or directory", // where nobody may make a file
	} {
		err := CanHold(dir)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
	if left, err := os.ReadDir(there); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}
