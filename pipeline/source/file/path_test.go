package file

import (
	"os"
	"path/filepath"
	"testing"
)

// A file has one path, by whichever way it is reached, so its records have one place each.
func TestAFileHasOnePathHoweverItIsNamed(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(root, "work", "events"), 0o700))
	for _, name := range []string{"work/events/day.ndjson", "work/events/copy.ndjson", "outside.ndjson"} {
		must(os.WriteFile(filepath.Join(root, name), []byte("{}\n"), 0o600))
	}
	must(os.Symlink("events/day.ndjson", filepath.Join(root, "work", "newest")))
	must(os.Symlink(filepath.Join(root, "work", "events"), filepath.Join(root, "work", "link")))
	must(os.Symlink(filepath.Join(root, "work"), filepath.Join(root, "home")))
	t.Chdir(filepath.Join(root, "home")) // by a link

	inside := filepath.Join("events", "day.ndjson")
	tests := []struct{ pattern, want string }{
		{"events/day.ndjson", inside},
		{"./events/day.ndjson", inside},
		{"events/../events//day.ndjson", inside},
		{"link/../events/day.ndjson", inside},
		{"link/day.ndjson", inside},
		{"newest", inside},
		{"../work/events/day.ndjson", inside},
		{filepath.Join(root, "work/events/day.ndjson"), inside},
		{filepath.Join(root, "home/link/day.ndjson"), inside},
		{"events/copy.ndjson", filepath.Join("events", "copy.ndjson")},
		{"../outside.ndjson", filepath.Join(root, "outside.ndjson")},
		{filepath.Join(root, "home/../outside.ndjson"), filepath.Join(root, "outside.ndjson")},
	}
	for _, tt := range tests {
		files, err := list(tt.pattern)
		if err != nil || len(files) != 1 || files[0].Path != tt.want {
			t.Errorf("%s: %v, %v, want %s", tt.pattern, files, err, tt.want)
		}
	}
	files, err := list("events/day.ndjson,newest,link/*.ndjson,../work/events/*.ndjson")
	if err != nil || len(files) != 2 {
		t.Errorf("%v, %v, want two files, each once", files, err)
	}
}
