package kinesisio

import (
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
)

func init() {
	beam.RegisterDoFn(&recordsFn{})
	register.Emitter2[beam.EventTime, Record]()
}

// Read reads a stream, given by its name or ARN, for as long as the job runs, and returns a
// PCollection<Record>. The time of a record is its arrival.
//
// Read takes a variable number of ReadOptionFn to configure the read operation:
//   - ReadRegion: the region of the stream. Defaults to that of the ARN, else to that of the environment.
//   - ReadEndpoint: the URL of another server than AWS. Defaults to AWS.
//   - ReadRole: a role to assume, and its external ID. Defaults to none.
//   - ReadConsumer: the name of a consumer with enhanced fan-out. Defaults to none: the shards are polled.
//   - ReadStart: where shards without a position begin. Defaults to the oldest record.
//   - ReadPositions: where shards go on, by Key. Defaults to none.
//   - ReadPollInterval: the least time between two GetRecords of a shard. Defaults to 200 ms.
//   - ReadSubscribeInterval: the least time between two SubscribeToShard of a shard. Defaults to 5 s.
//   - ReadIdle: whether ReadBatches gives batches without records. Defaults to false.
//   - ReadRest: how long an idle shard rests between two looks. Defaults to 1 s.
//   - ReadController: what follows and steers the job in this process. Defaults to none.
//
// Read panics if an option or the stream is not valid.
func Read(s beam.Scope, stream string, opts ...ReadOptionFn) beam.PCollection {
	s = s.Scope("kinesisio.Read")
	return beam.ParDo(s, &recordsFn{}, ReadBatches(s, stream, opts...))
}

// ReadBatches is Read, but returns a PCollection<Batch>: many records of one shard in one element.
// An element costs a runner more than a record of a few kilobytes costs this source, so a job that
// can work with batches is several times as fast with them: their records lie in memory as they
// were received, and go through a fused stage without a copy. A batch also says where its shard
// goes on behind it, which a job that saves positions needs. The time of a batch is the arrival of
// its first record.
func ReadBatches(s beam.Scope, stream string, opts ...ReadOptionFn) beam.PCollection {
	s = s.Scope("kinesisio.ReadBatches")
	o, err := newReadOption(opts)
	if err == nil {
		o.Stream.name(stream)
		err = o.Stream.Check()
	}
	if err != nil {
		panic(fmt.Sprintf("kinesisio.Read: %v", err))
	}
	return readAll(s, beam.Create(s, o.Stream), o.settings)
}

// ReadAllBatches is ReadBatches for each stream of a PCollection<Stream>, all of them in one stage.
// Options that belong to one stream are taken from the Stream. It panics if an option is not valid.
func ReadAllBatches(s beam.Scope, streams beam.PCollection, opts ...ReadOptionFn) beam.PCollection {
	s = s.Scope("kinesisio.ReadAllBatches")
	o, err := newReadOption(opts)
	if err == nil && o.Stream != (Stream{}) {
		err = errStreams
	}
	if err != nil {
		panic(fmt.Sprintf("kinesisio.ReadAllBatches: %v", err))
	}
	return readAll(s, streams, o.settings)
}

func readAll(s beam.Scope, streams beam.PCollection, c settings) beam.PCollection {
	found := beam.ParDo(s, &discoverFn{sessions: sessions{Config: c}}, streams)
	c.Positions = nil // the shards carry theirs
	return beam.ParDo(s, &readFn{sessions: sessions{Config: c}}, found)
}

// recordsFn takes batches apart.
type recordsFn struct{}

// ProcessElement emits each record of a batch.
func (recordsFn) ProcessElement(at beam.EventTime, b Batch, emit func(beam.EventTime, Record)) {
	for r := range b.All() {
		emit(max(at, beam.EventTime(r.ApproximateArrival.UnixMilli())), r)
	}
}
