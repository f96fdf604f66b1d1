package file

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/objects"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/record"
)

func init() {
	beam.RegisterDoFn(&ReadFn{})
	register.Emitter1[record.Batch]()
}

// ReadFn reads the records of chunks.
type ReadFn struct {
	Job string
}

// ProcessElement reads a chunk.
func (fn *ReadFn) ProcessElement(ctx context.Context, c Chunk, emit func(record.Batch)) error {
	count := runtime.Counters(fn.Job)
	return c.Read(func(n int64) { count.Bytes.Add(n) }, func(b record.Batch) error {
		emit(b)
		return ctx.Err()
	})
}

// Read reads the records of files as record.Batch elements of about size bytes. It is bounded. Objects
// are reached as c says.
func Read(s beam.Scope, job string, size int64, files []File, c objects.Config) beam.PCollection {
	s = s.Scope("file.Read")
	var here []File
	var groups []Group
	for _, f := range files {
		if !objects.Is(f.Path) {
			here = append(here, f)
		}
	}
	if len(here) < len(files) {
		groups = Groups(files, size)
	}
	var all []beam.PCollection
	if len(here) > 0 {
		chunks := beam.Reshuffle(s, beam.CreateList(s, Chunks(here, size)))
		all = append(all, beam.ParDo(s, &ReadFn{Job: job}, chunks))
	}
	if len(groups) > 0 {
		s := s.Scope("objects")
		all = append(all, beam.ParDo(s, &ReadObjectsFn{Job: job, Config: c}, beam.Reshuffle(s, beam.CreateList(s, groups))))
	}
	if len(all) == 1 {
		return all[0]
	}
	return beam.Flatten(s, all...)
}
