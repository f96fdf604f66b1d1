// Package kinesis is the source kinesis:STREAM: it reads Amazon Kinesis streams with kinesisio, as
// record.Batch elements, and keeps in the job's checkpoint what a later job needs to go on.
//
// # What it keeps
//
// Under record.Key of a stream and a shard: the position behind what was read of the shard, which
// each batch brings as its Progress. Under the key of a stream alone: the time that a start of
// latest was when the first job began, so that what arrives before the first position is safe is
// not lost with a process.
//
// # Running
//
// A job that is begun in this process is followed by a control.Control, which its DoFns find by the
// job's ID. A job on a remote runner is not begun: there the runner keeps the positions, and
// computes the watermark.
package kinesis
