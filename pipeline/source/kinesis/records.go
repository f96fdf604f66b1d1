package kinesis

import (
	"encoding/json"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/schemas/record"
)

func init() {
	beam.RegisterDoFn(&recordsFn{})
	register.Emitter1[record.Batch]()
}

// recordsFn turns what was read from a stream into batches of records. It copies none of them.
type recordsFn struct{}

// ProcessElement takes records of one shard.
func (recordsFn) ProcessElement(b kinesisio.Batch, emit func(record.Batch)) error {
	progress, err := json.Marshal(b.Position)
	if err != nil {
		return fmt.Errorf("kinesis: position of %s: %w", b.Shard, err)
	}
	emit(record.Batch{
		Source: prefix + b.Stream, Name: b.Shard,
		Data: b.Data, Ends: b.Ends, Positions: b.Sequences, Arrivals: b.Arrivals,
		Progress: progress, LostFrom: b.GapFrom, LostTo: b.GapTo,
	})
	return nil
}

// prefix begins the names of streams in dead letters and in checkpoints.
const prefix = "kinesis:"

func batches(s beam.Scope, read beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("kinesis.Records"), &recordsFn{}, read)
}
