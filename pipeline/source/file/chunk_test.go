package file

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"flexbeam/schemas/record"
)

func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// read returns the lines of all chunks of a file, each with where it stands.
func read(t testing.TB, path string, size int64) (lines []string, broken string) {
	t.Helper()
	files, err := list(path)
	if err != nil {
		t.Fatal(err)
	}
	first := int64(1)
	for _, c := range Chunks(files, size) {
		err := c.Read(func(int64) {}, func(b record.Batch) error {
			if b.FirstLine != 0 && b.FirstLine != first {
				t.Fatalf("chunk %d begins with line %d, want %d", c.Part, b.FirstLine, first)
			}
			offset := b.Offset
			for _, l := range strings.SplitAfter(string(b.Data), "\n") {
				if l == "" {
					continue
				}
				lines = append(lines, fmt.Sprintf("%d@%d %s", first, offset, l))
				first++
				if b.Plain {
					offset += int64(len(l))
				}
			}
			broken += b.Broken
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return lines, broken
}

func want(data string, plain bool) (lines []string) {
	offset := 0
	for i, l := range strings.SplitAfter(data, "\n") {
		if l == "" {
			continue
		}
		lines = append(lines, fmt.Sprintf("%d@%d %s", i+1, offset, l))
		if plain {
			offset += len(l)
		}
	}
	return lines
}

func TestEveryLineComesOnceWhereverAFileIsCut(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		var data strings.Builder
		for range rapid.IntRange(1, 12).Draw(r, "lines") {
			data.WriteString(strings.Repeat("x", rapid.SampledFrom([]int{0, 1, 2, 7, 40}).Draw(r, "length")) + "\n")
		}
		text := data.String()
		if rapid.Bool().Draw(r, "unended") {
			text += "tail"
		}
		path := filepath.Join(dir, "f")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			r.Fatal(err)
		}
		size := rapid.Int64Range(1, int64(len(text))+2).Draw(r, "size")
		got, _ := read(t, path, size)
		if d := cmp.Diff(want(text, true), got); d != "" {
			r.Fatalf("%q in chunks of %d (-want +got):\n%s", text, size, d)
		}
	})
}

func TestALineMayBeLongerThanAnyChunk(t *testing.T) {
	long := strings.Repeat("y", 3<<20)
	text := "a\n" + long + "\nb\n" + long
	for _, size := range []int64{1000, 64 << 10, 1 << 20, 16 << 20} {
		got, _ := read(t, save(t, "f", []byte(text)), size)
		if d := cmp.Diff(want(text, true), got); d != "" {
			t.Errorf("chunks of %d: lines differ", size)
		}
	}
}

func zipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchivesGiveTheirLinesWhateverTheyAreCalled(t *testing.T) {
	text := strings.Repeat("one\ntwo\n\nfour\n", 1000) + "last"
	for name, data := range map[string][]byte{
		"f.gz": zipped(t, text), "f.ndjson": zipped(t, text), "f.zst": packed(t, text), "f.json": packed(t, text),
		"members.gz": append(zipped(t, text[:5000]), zipped(t, text[5000:])...),
		"frames.zst": append(packed(t, text[:5000]), packed(t, text[5000:])...),
	} {
		got, broken := read(t, save(t, name, data), 100)
		if d := cmp.Diff(want(text, false), got); d != "" || broken != "" {
			t.Errorf("%s: broken %q, lines (-want +got):\n%.500s", name, broken, d)
		}
	}
}

func TestADamagedArchiveGivesWhatComesBeforeAndSaysSo(t *testing.T) {
	var text strings.Builder
	for i := range 400000 {
		fmt.Fprintf(&text, "line %d\n", i*7919%1000003)
	}
	for name, data := range map[string][]byte{"f.gz": zipped(t, text.String()), "f.zst": packed(t, text.String())} {
		lines, broken := read(t, save(t, name, data[:len(data)*2/3]), 100)
		if broken == "" || len(lines) == 0 {
			t.Errorf("%s: %d lines, broken %q", name, len(lines), broken)
			continue
		}
		whole := want(text.String(), false)
		for i, l := range lines[:len(lines)-1] { // the last one may be cut
			if l != whole[i] {
				t.Fatalf("%s: line %d is %q, want %q", name, i, l, whole[i])
			}
		}
	}
}

func TestListNamesWhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for pattern, part := range map[string]string{
		filepath.Join(dir, "*.ndjson"): "no file matches",
		dir:                            "is a directory",
		"[":                            "malformed",
		" , ":                          "write file:PATTERN",
	} {
		if _, err := list(pattern); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: got %v, want %q in it", pattern, err, part)
		}
	}
}

func TestListTakesEachFileOnceInOrder(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"b.ndjson", "a.ndjson", "c.gz"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := list(filepath.Join(dir, "*.ndjson") + "," + filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f.Path))
	}
	if d := cmp.Diff([]string{"a.ndjson", "b.ndjson", "c.gz"}, names); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
