package file

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/objects"
	"flexbeam/internal/uri"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/event"
)

const form = "file:PATTERN, such as file:events/*.ndjson.gz,"

func init() {
	source.Register("file", form, open)
	for scheme, example := range map[string]string{"s3": "s3://BUCKET/PATTERN", "gs": "gs://BUCKET/PATTERN"} {
		source.Register(scheme, example, func(rest string, o source.OpenOptions) (source.Source, error) {
			if !strings.HasPrefix(rest, "//") {
				return nil, fmt.Errorf("%q names no bucket: write %s", scheme+":"+rest, example)
			}
			return open(scheme+":"+rest, o)
		})
	}
	runtime.RegisterTexts(text)
}

// A Source is the files that a pattern names.
type Source struct {
	Files     []File
	Objects   objects.Config
	Lateness  time.Duration // distance of the watermark of a replay behind the newest event; negative: it waits for the end
	ChunkSize int64         // about how many bytes become one batch
}

func open(rest string, o source.OpenOptions) (source.Source, error) {
	s := &Source{Lateness: -1, ChunkSize: ChunkSize}
	options := uri.Options{
		uri.Duration("lateness", "6h", &s.Lateness, 0, math.MaxInt64),
		uri.String("region", &s.Objects.Region),
		uri.URL("endpoint", "http://localhost:9000", &s.Objects.Endpoint),
	}
	pattern, err := options.ParsePattern(rest, "file:PATTERN")
	if err != nil {
		if pattern == "" {
			return nil, errNoPattern
		}
		return nil, err
	}
	if s.Objects != (objects.Config{}) && !strings.Contains(pattern, "s3://") {
		return nil, errNoS3
	}
	client := objects.New(s.Objects)
	defer client.Close()
	l := lister{ctx: context.Background(), objects: client, within: o.Within}
	if s.Files, err = l.list(pattern); err != nil {
		return nil, err
	}
	return s, nil
}

var errNoS3 = errors.New("the options region and endpoint are those of s3://BUCKET/PATTERN: leave them out")

// Local implements source.LocalSource.
func (s *Source) Local() bool {
	return slices.ContainsFunc(s.Files, func(f File) bool { return !objects.Is(f.Path) })
}

var errNoPattern = errors.New("no files are named: write file:PATTERN, such as file:events/*.ndjson.gz")

// Size implements source.Source.
func (s *Source) Size() (bytes, records int64) {
	for _, f := range s.Files {
		bytes += f.Size
		records += f.unpacked(f.Size)
	}
	return bytes, records
}

// unpacked returns about how many bytes of records are in so many bytes of a file.
func (f File) unpacked(bytes int64) int64 {
	if f.Format == Plain {
		return bytes
	}
	return 12 * bytes // what such records shrink by
}

// Read implements source.Source.
func (s *Source) Read(scope beam.Scope, o source.ReadOptions) beam.PCollection {
	if !o.Stream {
		return Read(scope, o.Job, s.ChunkSize, s.Files, s.Objects)
	}
	if s.Lateness < 0 {
		return Replay(scope, o.Job, s.ChunkSize, s.Files, s.Objects)
	}
	return ReplayBehind(scope, o.Job, s.ChunkSize, s.Files, s.Objects, s.Lateness, o.NewestEvent)
}

// Within implements source.RangedSource.
func (s *Source) Within(r source.Range) (source.Ranged, error) {
	return source.Ranged{Source: s, Since: r.From.Add(-source.Reach)}, nil
}

// Text implements source.Source.
func (s *Source) Text(at event.Place) ([]byte, error) { return text(at) }

func text(at event.Place) ([]byte, error) {
	f, err := os.Open(at.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, at.Length)
	if _, err := f.ReadAt(b, at.Offset); err != nil {
		return nil, fmt.Errorf("at byte %d of %s: %w; was the file changed?", at.Offset, at.File, err)
	}
	return b, nil
}
