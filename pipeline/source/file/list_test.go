package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"flexbeam/schemas/record"
)

// list lists the files of this machine that match patterns.
func list(patterns string) ([]File, error) {
	return (&lister{ctx: context.Background()}).list(patterns)
}

func TestAnEmptyFileHasNoLines(t *testing.T) {
	for name, data := range map[string][]byte{"f": nil, "f.gz": zipped(t, ""), "f.zst": packed(t, "")} {
		path := save(t, name, data)
		if lines, broken := read(t, path, 100); len(lines) != 0 || broken != "" {
			t.Errorf("%s: lines %q, broken %q", name, lines, broken)
		}
		if lines, _ := replay(t, path, 100, -1, func() bool { return false }); len(lines) != 0 {
			t.Errorf("%s: replay gives %q", name, lines)
		}
	}
}

func TestAFileThatIsNoArchiveButCalledSoIsPlain(t *testing.T) {
	lines, broken := read(t, save(t, "f.gz", []byte("plain\n")), 100)
	if len(lines) != 1 || lines[0] != "1@0 plain\n" || broken != "" {
		t.Errorf("lines %q, broken %q", lines, broken)
	}
}

func TestAnArchiveCutInItsHeadIsBroken(t *testing.T) {
	for name, data := range map[string][]byte{"f.gz": zipped(t, "text\n")[:5], "f.zst": packed(t, "text\n")[:5]} {
		if lines, broken := read(t, save(t, name, data), 100); len(lines) != 0 || !strings.Contains(broken, "cannot be read on") {
			t.Errorf("%s: lines %q, broken %q", name, lines, broken)
		}
	}
}

func TestWhatFollowsAnArchiveBreaksIt(t *testing.T) {
	lines, broken := read(t, save(t, "f.gz", append(zipped(t, "one\ntwo\n"), "trailing garbage"...)), 100)
	if len(lines) != 2 || broken == "" {
		t.Errorf("lines %q, broken %q", lines, broken)
	}
}

func TestTheSizeOfTheInputIsReadAndNoMore(t *testing.T) {
	text := strings.Repeat("a line of text\n", 5000)
	for name, data := range map[string][]byte{"f": []byte(text), "f.gz": zipped(t, text), "f.zst": packed(t, text)} {
		files, err := list(save(t, name, data))
		if err != nil {
			t.Fatal(err)
		}
		var n int64
		for _, c := range Chunks(files, 1000) {
			if err := c.Read(func(m int64) { n += m }, func(record.Batch) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if n != int64(len(data)) || sizeOf(files) != n {
			t.Errorf("%s: %d bytes of %d", name, n, len(data))
		}
	}
}

func TestAnErrorOfTheReceiverEndsTheReading(t *testing.T) {
	stop := errors.New("stop")
	text := strings.Repeat("a line of text\n", 50)
	for name, data := range map[string][]byte{"f": []byte(text), "f.gz": zipped(t, text)} {
		files, err := list(save(t, name, data))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = Chunks(files, 100)[0].Read(func(int64) {}, func(record.Batch) error {
			n++
			return stop
		})
		if !errors.Is(err, stop) || n != 1 {
			t.Errorf("%s: %d batches, error %v", name, n, err)
		}
	}
}

func TestAMissingFileIsAnErrorThatNamesIt(t *testing.T) {
	path := save(t, "f", []byte("x\n"))
	files, err := list(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	err = Chunks(files, 100)[0].Read(func(int64) {}, nil)
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := list(path); !errors.Is(err, ErrNoFiles) || !strings.Contains(err.Error(), path) {
		t.Errorf("list: got %v", err)
	}
}

func TestAFileThatHasGrownShorterGivesWhatIsLeft(t *testing.T) {
	path := save(t, "f", []byte("one\ntwo\nthree\n"))
	files, err := list(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 5); err != nil {
		t.Fatal(err)
	}
	var got string
	for _, c := range Chunks(files, 4) {
		if err := c.Read(func(int64) {}, func(b record.Batch) error { got += string(b.Data); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if got != "one\nt" {
		t.Errorf("got %q", got)
	}
}

func TestFilesOfOtherFormsAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "day.ndjson")
	for begin, says := range map[string]string{
		"BZh91AY&SY": "bunzip2", "\xfd7zXZ\x00\x00\x04": "unxz", "PK\x03\x04\x14": "unzip",
		"\xff\x06\x00\x00sNaPpY\x01": "Snappy", "PAR1\x15": "Parquet", "Obj\x01\x04": "Avro",
	} {
		if err := os.WriteFile(path, []byte(begin), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := list(path); !errors.Is(err, ErrNoFiles) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", begin, err)
		}
	}
}

// A pipe is refused at once: to open one waits for somebody who writes to it.
func TestAPipeIsNoRegularFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := list(path); done <- err }()
	select {
	case err := <-done:
		if !errors.Is(err, ErrNoFiles) || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("List waits for the writer of a pipe")
	}
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	if _, err := list(os.DevNull); !errors.Is(err, ErrNoFiles) || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("got %v", err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d.ndjson"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := list(filepath.Join(dir, "*.ndjson")); !errors.Is(err, ErrNoFiles) || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("got %v", err)
	}
}

// sizeOf returns the size of files in bytes.
func sizeOf(files []File) int64 {
	bytes, _ := (&Source{Files: files}).Size()
	return bytes
}
