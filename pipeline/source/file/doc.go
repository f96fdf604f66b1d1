// Package file reads records from files: one a line, plain or compressed with gzip or zstd. Objects of
// Amazon S3 and Google Cloud Storage are files, too, whose paths are URLs (internal/objects).
//
// # Batch and stream
//
// Read is bounded: plain files are cut into chunks that are read independently. Replay is unbounded
// by type: it reads the same records through an unbounded splittable DoFn, as a live source would
// deliver them, and ends. A file has no arrival times, and no record in it bounds the time of the
// next one. So the only true watermark of a replay is the one at its end, and there it stays by
// default: rows are settled once. With a lateness the watermark follows the newest event time at
// that distance, and rows appear, change and go while the file is read.
//
// # What is promised
//
// Every line is handed on once, in a batch that names its place. Lines may have any length. What a
// damaged archive still yields is used, the rest is reported as a dead letter. An object that is not
// what it was when it was listed is an error, and so is one that cannot be fetched.
//
// # Times in paths
//
// Where only the events of a time are of use (source.OpenWithin), files are left out whose folders tell
// that they were written more than a day before or behind it.
package file
