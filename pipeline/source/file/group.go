package file

import (
	"context"
	"errors"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/objects"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/record"
)

func init() {
	beam.RegisterDoFn(&ReadObjectsFn{})
}

// A Group is some chunks of objects that are read at the same time: an answer takes longer than the
// reading of a small object, and a runner may process one element after the other.
type Group struct{ Chunks []Chunk }

// groupSize is how many chunks a group has at most.
const groupSize = 64

// Groups cuts those files that are objects into chunks of about size bytes, and groups small ones such
// that the records of a group are about size bytes.
func Groups(files []File, size int64) []Group {
	var groups []Group
	var g Group
	sum := int64(0)
	for _, f := range files {
		if !objects.Is(f.Path) {
			continue
		}
		for _, c := range Chunks([]File{f}, size) {
			bytes := f.unpacked(c.End - c.Start)
			if len(g.Chunks) > 0 && (sum+bytes > size || len(g.Chunks) == groupSize) {
				groups, g, sum = append(groups, g), Group{}, 0
			}
			g.Chunks = append(g.Chunks, c)
			sum += bytes
		}
	}
	if len(g.Chunks) > 0 {
		groups = append(groups, g)
	}
	return groups
}

// ReadObjectsFn reads the records of groups.
type ReadObjectsFn struct {
	Job    string
	Config objects.Config

	client *objects.Client
}

// Setup makes the client.
func (fn *ReadObjectsFn) Setup() { fn.client = objects.New(fn.Config) }

// Teardown closes it.
func (fn *ReadObjectsFn) Teardown() error { return fn.client.Close() }

// ProcessElement reads a group.
func (fn *ReadObjectsFn) ProcessElement(ctx context.Context, g Group, emit func(record.Batch)) (failed error) {
	if r := runtime.Lookup(fn.Job); r != nil {
		defer r.Note(&failed)
	}
	count := runtime.Counters(fn.Job)
	return g.read(ctx, fn.client, func(n int64) { count.Bytes.Add(n) }, func(b record.Batch) error {
		emit(b)
		return ctx.Err()
	})
}

// readers is how many chunks of a group are read at the same time.
const readers = 16

var errStopped = errors.New("another part of the group failed")

// read calls emit with the records of the chunks, one chunk after the other, on the goroutine of the
// caller. read may be called on several.
func (g Group) read(ctx context.Context, client *objects.Client, read func(int64), emit func(record.Batch) error) error {
	if len(g.Chunks) == 1 {
		return g.Chunks[0].read(ctx, client, read, emit)
	}
	ctx, stop := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop(errStopped)
	type result struct {
		batches []record.Batch
		err     error
	}
	results := make([]chan result, len(g.Chunks))
	turns := make(chan struct{}, readers)
	for i, c := range g.Chunks {
		results[i] = make(chan result, 1)
		running.Go(func() {
			select {
			case turns <- struct{}{}:
				defer func() { <-turns }()
			case <-ctx.Done():
				results[i] <- result{err: context.Cause(ctx)}
				return
			}
			var r result
			r.err = c.read(ctx, client, read, func(b record.Batch) error {
				r.batches = append(r.batches, b)
				return ctx.Err()
			})
			results[i] <- r
		})
	}
	for i := range results {
		r := <-results[i]
		if r.err != nil {
			return r.err
		}
		for _, b := range r.batches {
			if err := emit(b); err != nil {
				return err
			}
		}
	}
	return nil
}
