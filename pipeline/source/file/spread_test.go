package file

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/record"
)

func TestAFileWhoseFirstValueIsSpreadOverLinesIsReadAsValues(t *testing.T) {
	large := strings.Repeat(" ", 3*firstRead)
	for text, want := range map[string]bool{
		"": false, "\n\n": false, "{}\n{\n}": false, "{\n}": true, "\n\ufeff\n [\n{}]": true, "[1,\r\n2] {}": true, "7\n{\n}": false, "\"a\"\n": false,
		"{\n": false, "{\n}}": true, "{\n\"a\":}\n{\n}": false, "x {\n}": false, "[{},\n{}\n{}]": false, "{}[\n]": false,
		"{" + large + "\n}": true, "{" + large + "}\n": false, "{\n" + large: false, "{\n" + large + "x}": false, "\"" + large + "\n": false, large + "[\n]": true, "12345": false,
		strings.Repeat("[\n", 10000) + strings.Repeat("]", 10000): true, strings.Repeat("[\n", 10001) + strings.Repeat("]", 10001): false,
	} {
		for name, data := range map[string][]byte{"f": []byte(text), "f.gz": zipped(t, text), "f.zst": packed(t, text)} {
			files, err := list(save(t, name, data))
			if err != nil {
				t.Fatal(err)
			}
			if files[0].Spread != want {
				t.Errorf("%s of %.30q: spread over lines: %v", name, text, !want)
			}
		}
	}
}

// FuzzSpread compares what is told of a file's first value with what encoding/json finds, however much
// of the file is looked at first.
func FuzzSpread(f *testing.F) {
	for _, s := range []string{"{\n}", "{}\n", "[\n{\"a\":\"b\"},\n1]x", "\ufeff{\n", "tru\ne", "-\n1", "12\n3", "\"\\u12\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, first uint8) {
		if bytes.ContainsFunc(data, func(r rune) bool { return r >= utf8.RuneSelf || r == '\v' || r == '\f' }) {
			return // what stands in front of a value has a test of its own
		}
		var value json.RawMessage
		err := json.NewDecoder(bytes.NewReader(data)).Decode(&value)
		want := err == nil && bytes.ContainsRune(value, '\n')
		spread, known := isSpread(data, true)
		if !known || spread != want {
			t.Fatalf("%q: spread %v, want %v", data, spread, want)
		}
		if cut := min(int(first), len(data)); cut < len(data) {
			if spread, known := isSpread(data[:cut], false); known && spread != want {
				t.Fatalf("%q of %q: spread %v, want %v", data[:cut], data, spread, want)
			}
		}
	})
}

// batches returns the batches of a file that is read as values.
func batches(t testing.TB, path string, size int64) (all []record.Batch) {
	t.Helper()
	files, err := list(path)
	if err != nil {
		t.Fatal(err)
	}
	chunks := Chunks(files, size)
	if len(chunks) != 1 || !files[0].Spread {
		t.Fatalf("%d chunks, spread over lines: %v", len(chunks), files[0].Spread)
	}
	err = chunks[0].Read(func(int64) {}, func(b record.Batch) error {
		all = append(all, b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestValuesAreCutBetweenLinesOnlyAndNoneIsLost(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"{}", "{\n}", "[1,\n{\"a\":\"]\"}]", "7 ", "\"a\"", "\n", "\n\n", " ", "\ufeff"}), 0, 12).Draw(r, "parts")
		text := "{\n}" + strings.Join(parts, "")
		if rapid.Bool().Draw(r, "break") {
			text += "{\n]" + strings.Join(parts, "\n")
		}
		name, data := "f", []byte(text)
		switch rapid.IntRange(0, 2).Draw(r, "packing") {
		case 1:
			data = zipped(t, text)
		case 2:
			data = packed(t, text)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			r.Fatal(err)
		}
		var whole strings.Builder
		for _, b := range batches(t, path, rapid.Int64Range(1, int64(len(text))+2).Draw(r, "size")) {
			if !b.Values || b.Plain || b.Broken != "" || b.FirstLine != int64(1+strings.Count(whole.String(), "\n")) {
				r.Fatalf("a batch behind %q begins with line %d: %+v", whole.String(), b.FirstLine, b)
			}
			if before := whole.String(); before != "" {
				if !strings.HasSuffix(before, "\n") || wholeValues([]byte(before)) != len(before) {
					r.Fatalf("%q is cut behind %q", text, before)
				}
			}
			whole.Write(b.Data)
		}
		if d := cmp.Diff(text, whole.String()); d != "" {
			r.Fatal(d)
		}
	})
}

func TestAReplayReadsValuesAsABatchDoes(t *testing.T) {
	text := strings.Repeat("{\n\"a\": 1\n}\n", 50) + "{}"
	for name, data := range map[string][]byte{"f": []byte(text), "f.gz": zipped(t, text), "f.zst": packed(t, text)} {
		path := save(t, name, data)
		var want []string
		for _, b := range batches(t, path, 40) {
			for i, l := range strings.SplitAfter(strings.TrimSuffix(string(b.Data), "\n"), "\n") {
				want = append(want, fmt.Sprint(b.FirstLine+int64(i), " ", strings.TrimSuffix(l, "\n")))
			}
		}
		got, _ := replay(t, path, 40, -1, func() bool { return true })
		if d := cmp.Diff(want, got); d != "" || len(want) != 151 {
			t.Errorf("%s: %d lines (-want +got):\n%s", name, len(want), d)
		}
	}
}

func TestADamagedArchiveOfValuesGivesWhatComesBefore(t *testing.T) {
	var text strings.Builder
	for i := range 100000 {
		fmt.Fprintf(&text, "{\n\"a\": %d\n}\n", i*7919%1000003)
	}
	for name, data := range map[string][]byte{"f.gz": zipped(t, text.String()), "f.zst": packed(t, text.String())} {
		var got strings.Builder
		broken := ""
		for _, b := range batches(t, save(t, name, data[:len(data)*2/3]), 1000) {
			got.Write(b.Data)
			broken += b.Broken
		}
		if broken == "" || got.Len() == 0 || !strings.HasPrefix(text.String(), got.String()) {
			t.Errorf("%s: %d bytes, broken %q", name, got.Len(), broken)
		}
	}
}

func TestAFileOfWideCharactersIsRefusedWithWhatToDo(t *testing.T) {
	const text = "{\"a\":\"é\"}\n"
	wide := func(order binary.ByteOrder, size int, text string) []byte {
		var b []byte
		for _, u := range utf16.Encode([]rune(text)) {
			at := make([]byte, size)
			if size == 2 {
				order.PutUint16(at, u)
			} else {
				order.PutUint32(at, uint32(u))
			}
			b = append(b, at...)
		}
		return b
	}
	for _, mark := range []string{"", "\ufeff"} {
		for name, data := range map[string][]byte{
			"UTF-16LE": wide(binary.LittleEndian, 2, mark+text), "UTF-16BE": wide(binary.BigEndian, 2, mark+text),
			"UTF-32LE": wide(binary.LittleEndian, 4, mark+text), "UTF-32BE": wide(binary.BigEndian, 4, mark+text),
		} {
			for file, data := range map[string][]byte{"day.json": data, "day.json.gz": zipped(t, string(data)), "day.json.zst": packed(t, string(data))} {
				path := save(t, file, data)
				_, err := list(path)
				if !errors.Is(err, ErrNoFiles) || !strings.Contains(err.Error(), path+" is in "+name+": ") || !strings.Contains(err.Error(), "iconv -f "+name+" -t UTF-8") {
					t.Errorf("%s in %s, mark %q: %v", file, name, mark, err)
				}
			}
		}
	}
	for _, text := range []string{"", "{", "\ufeff", "\ufeff{}", "\xff", "\xff{}", "é"} {
		if _, err := list(save(t, "f", []byte(text))); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
