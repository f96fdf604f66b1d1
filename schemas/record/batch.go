// Package record holds records on their way from a source to the decoder.
package record

// A Batch is what a source hands on as one element: many records at once, since an element for each would cost more than
// the record.
type Batch struct {
	Source string // names the source in dead letters: "file", or "kinesis:" and the stream
	Name   string // the part of it that positions begin with: the file's path, the shard

	// Data holds the records, one a line. A source may use its memory again once the transform that took the batch has
	// returned: transforms do not keep slices of it.
	Data []byte

	// Plain says that Name is a file that can be read again, and that Data stands in it at byte Offset.
	Plain  bool
	Offset int64

	// FirstLine is the number of the first line, from 1. It is 0 when the batch was read from the middle of a file: then
	// Part orders the batches of the file, and lines are numbered once all of them were counted.
	FirstLine int64
	Part      int64

	// Broken says that the source could not be read on behind Data, and why; it becomes a dead letter.
	Broken string
}
