package file

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/uri"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/event"
)

const form = "file:PATTERN, such as file:events/*.ndjson.gz,"

func init() {
	source.Register("file", form, open)
	runtime.RegisterTexts(text)
}

// A Source is the files that a pattern names.
type Source struct {
	Files     []File
	Lateness  time.Duration // distance of the watermark of a replay behind the newest event; negative: it waits for the end
	ChunkSize int64         // about how many bytes become one batch
}

func open(rest string) (source.Source, error) {
	s := &Source{Lateness: -1, ChunkSize: ChunkSize}
	options := uri.Options{uri.Duration("lateness", "6h", &s.Lateness, 0, math.MaxInt64)}
	pattern, err := options.ParsePattern(rest, "file:PATTERN")
	if err != nil {
		if pattern == "" {
			return nil, errNoPattern
		}
		return nil, err
	}
	if s.Files, err = List(pattern); err != nil {
		return nil, err
	}
	return s, nil
}

var errNoPattern = errors.New("no files are named: write file:PATTERN, such as file:events/*.ndjson.gz")

// Size implements source.Source.
func (s *Source) Size() (bytes, records int64) {
	for _, f := range s.Files {
		bytes += f.Size
		if f.Format == Plain {
			records += f.Size
		} else {
			records += 12 * f.Size // what such records shrink by
		}
	}
	return bytes, records
}

// Read implements source.Source.
func (s *Source) Read(scope beam.Scope, o source.ReadOptions) beam.PCollection {
	if !o.Stream {
		return Read(scope, o.Job, s.ChunkSize, s.Files)
	}
	if s.Lateness < 0 {
		return Replay(scope, o.Job, s.ChunkSize, s.Files)
	}
	return ReplayBehind(scope, o.Job, s.ChunkSize, s.Files, s.Lateness, o.NewestEvent)
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
