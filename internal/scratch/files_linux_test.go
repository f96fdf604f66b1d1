package scratch

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// openFiles returns how many files of a directory this process has open, and how long they are together.
func openFiles(t *testing.T, dir string) (n int, size int64) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		name, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(name, dir+"/") {
			continue
		}
		var st syscall.Stat_t
		if err := syscall.Stat(fd, &st); err != nil {
			t.Fatal(err)
		}
		n++
		size += st.Size
	}
	return n, size
}

func TestTheSystemHasTheRoomBack(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.segmentSize = 1 << 20
	var refs []Ref
	for range 10 << 10 {
		refs = append(refs, put(t, s, make([]byte, 1<<10)))
	}
	live, file := s.Size()
	if n, size := openFiles(t, dir); n != 10 || size != file || live != 10<<20 {
		t.Errorf("%d files are open, they have %d bytes, said to be %d, for %d", n, size, file, live)
	}
	for _, r := range refs[:9<<10] {
		s.Free(r)
	}
	_, file = s.Size()
	if n, size := openFiles(t, dir); n != 1 || size != file || size > 1<<20 {
		t.Errorf("when nine in ten are freed %d files are open, they have %d bytes, said to be %d", n, size, file)
	}
	closed(t, s)
	if n, _ := openFiles(t, dir); n != 0 {
		t.Errorf("after the end %d files are open", n)
	}
}
