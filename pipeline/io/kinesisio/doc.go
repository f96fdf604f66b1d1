// Package kinesisio reads Amazon Kinesis data streams for as long as a job runs: every shard from its oldest record, a time, or a saved position, through
// splits and merges, by polling or by enhanced fan-out.
//
//	streams ─▶ discover ─ each shard once ─▶ read ─▶ Batch, Batch, …
//
// # Delivery
//
// Every record is handed on at least once, and exactly once for one history of positions: a job that continues from the positions of batches it has
// made safe sees what lies behind them, all of it and nothing before. Records of a shard come in order. Nothing is promised about the order between shards,
// nor between a shard and those that it was split or merged into; the watermark is right nevertheless.
//
// Records that the Kinesis Producer Library has packed into one come as the user records that they were. A record that only begins like a packed one
// is handed on as it is. Hash keys are not compared with a shard's range, since a user record is in one shard only.
//
// Records that fell out of the stream's retention before they were read are a gap: a Batch says from when to when they arrived, and the reading goes on
// at the oldest record. A gap is also reported where it cannot be known that there was nothing.
//
// # Positions
//
// Each Batch says where its shard is read on after it. Save the last one of each shard under Key, once what came before it is safe, and give them to
// WithPositions. The first Batch of a shard comes at once and may be empty, so that there is a position of every shard soon; a shard without one is
// read from its oldest record if others of its stream have one, because it is new since they were saved. A start of latest becomes a time when the job
// begins, and that time the first position.
//
// Each shard that a stream ever had leaves a position. Control.Over names those that nothing needs any more, so that they can be forgotten.
//
// # A stream made anew
//
// A stream that is deleted and made anew under its name has shards of the same IDs. A position that lies before the making of the stream, by the service's word for it, is one
// of an earlier stream: its shard is read from the oldest record, or from the time that Start gives, whatever numbers the records have. What arrived between such a position and
// the making is a gap, unless the shard had been read to its end.
//
// # Watermark
//
// The time of a record is its arrival, by Kinesis' clock. The watermark of a shard is the arrival of the last record that was handed on; of a shard that is read to its
// newest record, the service's time when it said so, rounded down, so idle shards go on with the clock; of one about which nothing is known yet, the
// lowest time there is. That of the stage that finds shards is the service's time at the last complete list of them. So the watermark never passes
// a record that is not handed on, provided that the arrivals in a shard are in order, as Kinesis stamps them.
//
// A runner takes the lowest of all shards. Prism does not where the elements of a stage run in several bundles; with a Control each shard reports the lowest itself: of what its own
// bundle and committed ones handed on. A bundle is known to be committed when any shard is called again behind what it claimed in it.
//
// # Errors
//
// Throttling, unreachable servers, broken answers, and errors of the service's side are tried again for ever, with the waits of the AWS SDK's standard retryer; Control.Report is told
// of each. An iterator that expired is renewed behind the last record. What does not pass fails the job with what to do about it: a stream that is not there, credentials that are
// missing or may not read.
//
// The calls to allow: kinesis:ListShards, DescribeStreamSummary (when a job continues), GetShardIterator, GetRecords; for enhanced fan-out RegisterStreamConsumer, DescribeStreamConsumer,
// SubscribeToShard.
//
// # Metrics
//
// Counters of Beam in the namespace kinesis: records, bytes, gaps. A Control has for each shard how far behind it is, when the service last answered, its watermark and
// whether it is open, and counts of throttled calls, renewed iterators, renewed subscriptions and calls that were tried again.
package kinesisio
