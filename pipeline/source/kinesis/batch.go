package kinesis

import (
	"iter"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

func init() {
	beam.RegisterType(reflect.TypeOf((*Batch)(nil)).Elem())
}

// A Batch is what one look at a shard gave: some records, or none and how far the shard was read.
type Batch struct {
	Stream    string   // ID of the stream
	Shard     string   // ID of the shard
	Data      []byte   // the records, one after the other
	Ends      []int64  // where in Data each record ends
	Sequences []string // number of each record; SEQUENCE.INDEX of a user record inside an aggregated one, from 0
	Arrivals  []int64  // when each record arrived (ApproximateArrivalTimestamp), in ms since 1970
	Position  Position // where the shard is read on: everything in the batch lies before it
	BehindMS  int64    // how far behind the newest record of the shard the reading is (MillisBehindLatest)
	GapFrom   int64    // ms since 1970: records that arrived from here on,
	GapTo     int64    // to before here, fell out of the stream's retention unread; both 0: none did
	Watermark int64    // ms since 1970: what arrived before was handed on; the lowest time of Beam while that is not known
}

// Len returns the number of records.
func (b *Batch) Len() int { return len(b.Ends) }

// Records yields the index and the bytes of each record. The bytes are part of Data.
func (b *Batch) Records() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		var from int64
		for i, to := range b.Ends {
			if !yield(i, b.Data[from:to:to]) {
				return
			}
			from = to
		}
	}
}
