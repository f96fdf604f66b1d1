// Package kinesisio contains transforms for reading Amazon Kinesis data streams for as long as a
// job runs: every shard from its oldest record, a time, or a saved position, through splits and
// merges, by polling or by enhanced fan-out.
//
//	Read            a stream as Records
//	ReadBatches     a stream as Batches of records, several times as fast
//	ReadAllBatches  each stream of a PCollection, as Batches
//
// # Delivery
//
// Every record comes at least once, and exactly once for one history of positions: a job that
// continues from the positions of batches it has made safe sees all that lies behind them and
// nothing before. Records of a shard come in order. Nothing is promised about the order between
// shards, nor between a shard and those that it was split or merged into. The watermark is right
// nevertheless.
//
// Records that the Kinesis Producer Library has packed into one come as the user records that they
// were. A record that only begins like a packed one comes as it is. Hash keys are not compared with
// a shard's range, since a user record is in one shard only.
//
// Records that fell out of the stream's retention before they were read are a gap. A Batch says
// from when to when they arrived, and the reading goes on at the oldest record. A gap is also
// reported where it cannot be known that there was nothing.
//
// # Positions
//
// A runner that keeps its state needs no positions: the restriction of a shard says how far it was
// read, and how far the reading is behind. A job that must go on after its runner has lost
// everything saves them itself. Each Batch says where its shard is read on after it. Save the last
// one of each shard under Batch.Key once what came before it is safe, and give them to
// ReadPositions. With ReadIdle the first Batch of a shard comes at once and may be empty, so that
// there is a position of every shard soon.
//
// A shard without a position is read from its oldest record if others of its stream have one,
// because it is new since they were saved. Else a start of latest becomes a time when the job
// begins, and that time the first position. See Latest for a start that is the same in every
// process.
//
// # A stream made anew
//
// A stream that is deleted and made anew under its name has shards of the same IDs. A position that
// lies before the making of the stream, by the service's word for it, is one of an earlier stream.
// Its shard is read from the oldest record, or from the time that Start gives, whatever numbers the
// records have. What arrived between such a position and the making is a gap, unless the shard had
// been read to its end.
//
// # Watermark
//
// The time of a record is its arrival, by Kinesis' clock. The watermark of a shard is the arrival
// of the last record that was handed on. Of a shard that is read to its newest record it is the
// service's time when it said so, rounded down, so idle shards go on with the clock. Of a shard
// about which nothing is known yet it is the lowest time there is. The watermark of the stage that
// finds shards is the service's time at the last complete list of them. So the watermark never
// passes a record that is not handed on, provided that the arrivals in a shard are in order, as
// Kinesis stamps them.
//
// A runner takes the lowest of all shards. Prism does not where the elements of a stage run in
// several bundles: there a Controller that knows all shards gives each of them the lowest.
//
// # Reading ahead
//
// A shard is read ahead of the runner in the background, up to 16 MiB, and all shards of a DoFn up
// to 64 MiB, so that no time goes by between the calls of a runner. Setup connects a DoFn, and
// Teardown ends what it reads ahead. As Beam's harness drops DoFns without Teardown when a job
// ends, a reader that nobody asks for a minute ends by itself, too.
//
// # Errors
//
// Throttling, unreachable servers, broken answers, and errors of the service's side are tried again
// for ever, with the waits of the AWS SDK's standard retryer. Only where nothing answers at all for
// a minute since the job began, as with a wrong region or endpoint, it ends. They are logged, at
// most one a minute, or told to the Observer in a Controller. An iterator that expired is renewed
// behind the last record.
//
// What does not pass fails the job with an *Error that says what to do about it. errors.Is tells
// its kind: ErrStream, ErrFuture, ErrNotFound, ErrAccess, ErrCredentials, ErrKey, ErrSilent,
// ErrNoController. A remote runner may keep only its text.
//
// The calls to allow: kinesis:ListShards, DescribeStreamSummary (when a job continues),
// GetShardIterator, GetRecords; for enhanced fan-out RegisterStreamConsumer,
// DescribeStreamConsumer, SubscribeToShard.
//
// # Metrics
//
// Counters of Beam in the namespace kinesis: records, bytes, gaps. The backlog of a shard is its
// lag in seconds, which a runner sees as the size of its restriction.
package kinesisio
