// Package control follows the reading of Kinesis streams by a job that runs in this process alone:
// it computes the job's watermark from all shards, drains the reading, and says how far each shard
// is.
//
// A [Control] is a kinesisio.Controller. Every DoFn of the job tells it what it does, so the
// Control knows all shards even on a runner that forgets some of them: Prism takes the lowest
// watermark of the elements of one bundle, not of all elements of a stage. So with a Control each
// shard reports the lowest watermark of all shards, of what its own bundle and committed bundles
// handed on. A bundle is known to be committed when any of its shards is called again behind what
// the bundle claimed.
package control
