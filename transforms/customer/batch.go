package customer

import (
	"context"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/schemas/change"
)

func init() {
	register.DoFn4x1[context.Context, int, func(*[]byte) bool, func([]byte), error](&BatchFn{})
	register.Iter1[[]byte]()
	register.Emitter1[[]byte]()
}

// BatchFn keeps the newest sighting of every contact in a bucket.
type BatchFn struct{}

// ProcessElement takes all sightings of a bucket and emits a block of changes.
func (fn *BatchFn) ProcessElement(ctx context.Context, _ int, sightings func(*[]byte) bool, emit func([]byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	contacts := map[string]*best{}
	var s []byte
	for sightings(&s) {
		if err := newest(contacts, slices.Clone(s)); err != nil {
			return err
		}
	}
	var block change.Block
	for _, b := range contacts {
		block = append(block, b.block...)
	}
	if len(block) > 0 {
		emit(block)
	}
	return nil
}

// Batch turns (bucket, Sightings) into blocks of changes.
func Batch(s beam.Scope, sightings beam.PCollection) beam.PCollection {
	s = s.Scope("customer.Batch")
	return beam.ParDo(s, &BatchFn{}, beam.GroupByKey(s, sightings))
}
