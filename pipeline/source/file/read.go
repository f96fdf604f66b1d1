package file

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

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

// Read reads the records of files as record.Batch elements of about size bytes. It is bounded.
func Read(s beam.Scope, job string, size int64, files []File) beam.PCollection {
	s = s.Scope("file.Read")
	chunks := beam.Reshuffle(s, beam.CreateList(s, Chunks(files, size)))
	return beam.ParDo(s, &ReadFn{Job: job}, chunks)
}
