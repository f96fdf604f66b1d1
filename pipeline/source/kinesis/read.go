package kinesis

import (
	"crypto/rand"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

// Read reads streams for as long as the job runs and returns a PCollection<Batch>: what each look at a shard gave, some records or none. The time of a
// batch is when its first record arrived, of one without records the watermark of the shard.
//
// Options:
//   - WithPositions: where each shard is read on. Default: where Stream.Start says.
//   - WithControl: the name of a Control that watches and ends the reading. Default: none.
//   - WithPace: how often the service is asked. Default: as often as AWS allows.
//
// Read panics if a stream is not valid. See ParseStreams for streams as text.
func Read(s beam.Scope, streams []Stream, opts ...ReadOption) beam.PCollection {
	s = s.Scope("kinesis.Read")
	streams, err := identify(streams)
	if err != nil {
		panic(err.Error())
	}
	if len(streams) == 0 {
		panic("kinesis: no stream to read")
	}
	c := settings{Job: rand.Text(), Pace: defaultPace}
	for _, s := range streams {
		c.Streams = append(c.Streams, s.ID())
	}
	for _, opt := range opts {
		opt(&c)
	}
	found := beam.ParDo(s, &discoverFn{Config: c}, beam.CreateList(s, streams))
	c.Positions = nil // the shards carry theirs
	return beam.ParDo(s, &readFn{Config: c}, found)
}
