package kinesisio

import (
	"strconv"
	"strings"
	"time"
)

// A Record is one record of a stream, or one of the user records that the Kinesis Producer Library
// has packed into one.
type Record struct {
	Stream             string // ID of the stream: its name, unless the job reads several of that name
	Shard              string // ID of the shard
	SequenceNumber     string // of the record; of a packed one that of the record that it is packed into
	SubSequence        int64  // of a packed one its index there, from 0; else -1
	PartitionKey       string
	ApproximateArrival time.Time // in ms, UTC, as Kinesis stamps it
	Data               []byte
}

// Key returns the key under which the position of the record's shard is saved.
func (r Record) Key() string { return Key(r.Stream, r.Shard) }

// After returns the position behind the record. Of a packed record that is within the record that
// it is packed into.
func (r Record) After() Position {
	return Position{Sequence: r.SequenceNumber, Sub: r.SubSequence + 1, UpTo: r.ApproximateArrival.UnixMilli()}
}

// record returns record i of a batch, with its bytes.
func (b *Batch) record(i int, data []byte) Record {
	r := Record{
		Stream: b.Stream, Shard: b.Shard, SequenceNumber: b.Sequences[i], SubSequence: -1, PartitionKey: b.PartitionKeys[i],
		ApproximateArrival: time.UnixMilli(b.Arrivals[i]).UTC(), Data: data,
	}
	if number, sub, packed := strings.Cut(r.SequenceNumber, "."); packed {
		if n, err := strconv.ParseInt(sub, 10, 64); err == nil {
			r.SequenceNumber, r.SubSequence = number, n
		}
	}
	return r
}
