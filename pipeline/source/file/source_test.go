package file

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flexbeam/pipeline/source"
)

func TestAURINamesFilesAndTheLateness(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a-1.ndjson", "a-2.ndjson", "b.ndjson"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		pattern  string
		files    int
		lateness time.Duration
	}{
		{"a-?.ndjson", 2, -1},
		{"a-?.ndjson?lateness=90s", 2, 90 * time.Second},
		{"*.ndjson?lateness=0s", 3, 0},
	}
	for _, test := range tests {
		src, err := source.Open("file:" + filepath.Join(dir, test.pattern))
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if s := src.(*Source); len(s.Files) != test.files || s.Lateness != test.lateness {
			t.Errorf("%s: %d files, lateness %v", test.pattern, len(s.Files), s.Lateness)
		}
		if bytes, records := src.Size(); bytes != int64(2*test.files) || records != bytes {
			t.Errorf("%s: %d bytes, %d of records", test.pattern, bytes, records)
		}
	}
	for pattern, want := range map[string]string{"": "write file:PATTERN", "?lateness=1s": "write file:PATTERN", "a?lateness=soon": "lateness=6h", "a?lateness=-1s": "lateness=6h"} {
		if _, err := source.Open("file:" + pattern); err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, source.ErrNoInput) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
	if _, err := source.Open("file:" + filepath.Join(dir, "none")); !errors.Is(err, source.ErrNoInput) {
		t.Error(err)
	}
}
