// Package record holds records on their way from a source to the decoder.
package record

// A Batch is what a source hands on as one element: many records at once, since an element for each
// would cost more than the record.
type Batch struct {
	Source string // names the source in dead letters: "file", or "kinesis:" and the stream
	Name   string // the part of it that positions begin with: the file's path, the shard

	// Data holds the records: lines of JSON values, unless Ends tells where each record ends, or
	// Values says that the values are spread over lines and Data ends behind one. A source may use its
	// memory again once the transform that took the batch has returned: transforms do not keep
	// slices of it.
	Data   []byte
	Values bool

	// Ends, Positions and Arrivals are set by sources whose records are no lines: where each record
	// ends in Data, what names it behind Name, such as its sequence number, and when it arrived, in
	// ms since 1970; nil Arrivals are not known. An empty batch has none of them.
	Ends      []int64
	Positions []string
	Arrivals  []int64

	// Progress is what the source needs to go on behind this batch, in a form of its own; nil where
	// it cannot.
	Progress []byte

	// Records that arrived from LostFrom until LostTo, in ms since 1970, were gone before the
	// source could read them. Both are 0 when nothing was lost. It becomes a dead letter.
	LostFrom, LostTo int64

	// Plain says that Name is a file that can be read again, and that Data stands in it at byte Offset.
	Plain  bool
	Offset int64

	// FirstLine is the number of the first line, from 1. It is 0 when the batch was read from the
	// middle of a file: then Part orders the batches of the file, and lines are numbered once all
	// of them were counted.
	FirstLine int64
	Part      int64

	// Broken says that the source could not be read on behind Data, and why; it becomes a dead letter.
	Broken string
}

// Key returns the key under which the Progress of a part of a source is kept: of a Batch's Source
// and Name. An empty name stands for the source as a whole.
func Key(source, name string) string { return source + "\x00" + name }
