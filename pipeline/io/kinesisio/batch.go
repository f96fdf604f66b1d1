package kinesisio

import "iter"

// A Batch holds records of one shard, in order, and where the shard goes on behind them. The
// records lie one after the other in one piece of memory, and what belongs to each of them in
// slices of one entry per record.
type Batch struct {
	Stream        string   // ID of the stream
	Shard         string   // ID of the shard
	Data          []byte   // the records, one after the other
	Ends          []int64  // where in Data each record ends
	Sequences     []string // number of each record; SEQUENCE.INDEX of a user record inside a packed one, from 0
	PartitionKeys []string // of each record
	Arrivals      []int64  // when each record arrived (ApproximateArrivalTimestamp), in ms since 1970
	Position      Position // where the shard is read on: everything in the batch lies before it
	BehindMS      int64    // how far behind the newest record of the shard the reading is (MillisBehindLatest)
	GapFrom       int64    // ms since 1970: records that arrived from here on,
	GapTo         int64    // to before here, fell out of the stream's retention unread; both 0: none did
	Watermark     int64    // ms since 1970: what arrived before was handed on; the lowest time of Beam while that is not known
}

// Len returns the number of records.
func (b *Batch) Len() int { return len(b.Ends) }

// Key returns the key under which the position of the batch's shard is saved.
func (b *Batch) Key() string { return Key(b.Stream, b.Shard) }

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

// All yields each record. The bytes are part of the batch's Data.
func (b *Batch) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i, data := range b.Records() {
			if !yield(b.record(i, data)) {
				return
			}
		}
	}
}

// join adds a chunk to a batch.
func (b *Batch) join(c *chunk) {
	if len(b.Ends) == 0 {
		b.Data, b.Ends, b.Sequences, b.PartitionKeys, b.Arrivals = c.Data, c.Ends, c.Sequences, c.PartitionKeys, c.Arrivals
	} else {
		from := int64(len(b.Data))
		b.Data = append(b.Data, c.Data...)
		for _, end := range c.Ends {
			b.Ends = append(b.Ends, from+end)
		}
		b.Sequences = append(b.Sequences, c.Sequences...)
		b.PartitionKeys = append(b.PartitionKeys, c.PartitionKeys...)
		b.Arrivals = append(b.Arrivals, c.Arrivals...)
	}
	b.Position, b.BehindMS, b.Watermark = c.Position, c.BehindMS, c.Watermark
	if c.GapTo != 0 {
		b.GapFrom, b.GapTo = c.GapFrom, c.GapTo
	}
}
