package file

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/objects"
	"flexbeam/internal/testkit/objectlocal"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/record"
)

// openObjects opens the source of a pattern of a server.
func openObjects(t *testing.T, s *objectlocal.Server, pattern string) *Source {
	t.Helper()
	src, err := source.Open(pattern + s.Options())
	if err != nil {
		t.Fatal(err)
	}
	return src.(*Source)
}

// linesOf returns the lines of a source, each with its name and, where it is known, number.
func linesOf(t *testing.T, src *Source, size int64) (lines []string) {
	t.Helper()
	client := objects.New(src.Objects)
	defer client.Close()
	next := map[string]int64{}
	for _, g := range Groups(src.Files, size) {
		err := g.read(t.Context(), client, func(int64) {}, func(b record.Batch) error {
			if b.Broken != "" || b.Plain {
				t.Errorf("%+v", b)
			}
			for _, l := range strings.SplitAfter(string(b.Data), "\n") {
				if l == "" {
					continue
				}
				next[b.Name]++
				lines = append(lines, fmt.Sprintf("%s:%d %s", b.Name, next[b.Name], l))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

func TestEveryLineOfAnObjectComesOnceWhereverItIsCut(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket := s.Bucket(t)
		n := 0
		rapid.Check(t, func(r *rapid.T) {
			if n++; n > 60 {
				return // each is some calls of a server
			}
			var data strings.Builder
			for range rapid.IntRange(1, 12).Draw(r, "lines") {
				data.WriteString(strings.Repeat("x", rapid.SampledFrom([]int{0, 1, 2, 7, 40, 70_000}).Draw(r, "length")) + "\n")
			}
			text := data.String() + rapid.SampledFrom([]string{"", "tail"}).Draw(r, "tail")
			url := fmt.Sprint(bucket, "a/", n)
			s.Put(t, url, []byte(text))
			size := rapid.Int64Range(max(1, int64(len(text)/20)), int64(len(text))+2).Draw(r, "size")
			var want []string
			for i, l := range strings.SplitAfter(text, "\n") {
				if l != "" {
					want = append(want, fmt.Sprintf("%s:%d %s", url, i+1, l))
				}
			}
			if d := cmp.Diff(want, linesOf(t, openObjects(t, s, url), size)); d != "" {
				r.Fatalf("chunks of %d (-want +got):\n%s", size, d)
			}
		})
	})
}

func TestObjectsAreReadAsTheirFirstBytesTell(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket := s.Bucket(t)
		text := strings.Repeat("{\"a\":1}{\"a\":2}\n{\"a\":3}\n", 30_000)
		var want []string
		for name, data := range map[string][]byte{"plain.gz": []byte(text), "zipped": zipped(t, text), "packed.json": packed(t, text), "members": append(zipped(t, text[:23000]), zipped(t, text[23000:])...)} {
			s.Put(t, bucket+"b/"+name, data)
		}
		src := openObjects(t, s, "file:"+bucket+"b/*")
		formats := ""
		for _, f := range src.Files {
			formats += fmt.Sprint(f.Format)
			for i, l := range strings.SplitAfter(text, "\n") {
				if l != "" {
					want = append(want, fmt.Sprintf("%s:%d %s", f.Path, i+1, l))
				}
			}
		}
		if formats != "1201" || src.Local() {
			t.Errorf("formats %s, local %v", formats, src.Local())
		}
		for _, size := range []int64{1000, 100_000, ChunkSize} {
			if d := cmp.Diff(want, linesOf(t, src, size)); d != "" {
				t.Errorf("chunks of %d: %.1000s", size, d)
			}
		}
		s.Put(t, bucket+"spread", []byte(strings.Repeat(" ", 3*firstRead)+"{\n\"a\": 1\n}\n"))
		if src := openObjects(t, s, bucket+"spread"); !src.Files[0].Spread || len(linesOf(t, src, 100)) != 3 {
			t.Errorf("%+v", src.Files)
		}
	})
}

// What a server does not send is no fault of an archive.
func TestAnArchiveThatCannotBeFetchedIsAnErrorAndNoDeadLetter(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket := s.Bucket(t)
		var text strings.Builder
		for i := range 300_000 {
			fmt.Fprintf(&text, "line %d\n", i*7919%1000003)
		}
		whole := zipped(t, text.String())
		s.Put(t, bucket+"a.gz", whole)
		s.Put(t, bucket+"cut.gz", whole[:len(whole)/2])
		src := openObjects(t, s, bucket+"*")
		client := objects.New(src.Objects)
		defer client.Close()
		broken := map[string]string{}
		read := func(c Chunk) error {
			return c.read(t.Context(), client, func(int64) {}, func(b record.Batch) error {
				broken[b.Name] += b.Broken
				return nil
			})
		}
		chunks := Chunks(src.Files, ChunkSize)
		if err := read(chunks[1]); err != nil || !strings.Contains(broken[bucket+"cut.gz"], "cannot be read on") {
			t.Errorf("an archive that is cut: %v, %q", err, broken)
		}
		s.Put(t, bucket+"a.gz", []byte("x"))
		if err := read(chunks[0]); !errors.Is(err, objects.ErrChanged) || broken[bucket+"a.gz"] != "" {
			t.Errorf("an archive that was changed: %v, %q", err, broken)
		}
	})
}

func TestPatternsOfObjectsSayWhatIsWrong(t *testing.T) {
	s := objectlocal.StartS3(t)
	bucket := s.Bucket(t)
	s.Put(t, bucket+"a.bz2", []byte("BZh91AY&SY"))
	s.Put(t, bucket+"wide", []byte("\xff\xfe{\x00}\x00"))
	for pattern, want := range map[string]string{
		bucket + "none/" + s.Options():       "no object matches",
		bucket + "a.*" + s.Options():         "bunzip2",
		bucket + "wide" + s.Options():        "UTF-16LE",
		"s3://no-such-bucket/" + s.Options(): "no such bucket",
		"s3:x":                               "write s3://BUCKET/PATTERN",
		"gs:":                                "write gs://BUCKET/PATTERN",
		"gs://b/a?endpoint=http://x":         "are those of s3://",
		"file:a?region=x":                    "are those of s3://",
		"s3://b/a?lateness=soon":             "lateness=6h",
	} {
		if _, err := source.Open(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", pattern, err, want)
		}
	}
}

func TestAGroupHasSmallObjectsAndKeepsTheirOrder(t *testing.T) {
	var files []File
	for i := range 1000 {
		files = append(files, File{Path: fmt.Sprintf("s3://b/%04d", i), Size: int64(i), Format: Format(i % 2)})
	}
	files = append(files, File{Path: "here", Size: 10}, File{Path: "s3://b/large", Size: 10 << 20}, File{Path: "s3://b/packed", Size: 10 << 20, Format: Zstd})
	var got, want []Chunk
	for _, f := range files {
		if f.Path != "here" {
			want = append(want, Chunks([]File{f}, 1<<20)...)
		}
	}
	for _, g := range Groups(files, 1<<20) {
		sum := int64(0)
		for _, c := range g.Chunks {
			sum += c.unpacked(c.End - c.Start)
		}
		if len(g.Chunks) > groupSize || sum > 1<<20 && len(g.Chunks) > 1 {
			t.Errorf("%d chunks with %d bytes", len(g.Chunks), sum)
		}
		got = append(got, g.Chunks...)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
