package pipeline

import (
	"encoding/json"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/pipeline/source/kinesis"
	"flexbeam/schemas/record"
)

func init() {
	register.DoFn2x1[kinesis.Batch, func(record.Batch), error](&recordsFn{})
	register.Emitter1[record.Batch]()
}

// recordsFn turns what was read from a Kinesis stream into batches of records.
type recordsFn struct{}

// ProcessElement takes what one look at a shard gave.
func (recordsFn) ProcessElement(b kinesis.Batch, emit func(record.Batch)) error {
	progress, err := json.Marshal(b.Position)
	if err != nil {
		return fmt.Errorf("kinesis: position of %s: %w", b.Shard, err)
	}
	emit(record.Batch{
		Source: kinesisSource + b.Stream, Name: b.Shard,
		Data: b.Data, Ends: b.Ends, Positions: b.Sequences, Arrivals: b.Arrivals,
		Progress: progress, LostFrom: b.GapFrom, LostTo: b.GapTo,
	})
	return nil
}

// kinesisSource begins the names of streams in dead letters.
const kinesisSource = "kinesis:"

func kinesisRecords(s beam.Scope, batches beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("kinesis.Records"), &recordsFn{}, batches)
}
