// Package kinesisfake is a Kinesis Data Streams service in the process of a test: an HTTP server
// that speaks the service's protocol (AWS JSON 1.1 and, for enhanced fan-out, its event stream),
// with a clock that a test moves and faults that strike on a schedule.
//
// # Held to what is published
//
// The rules are those of https://docs.aws.amazon.com/kinesis/latest/APIReference/ and the developer
// guide; the tests cite the page for each. They cover the operations that readers and writers of
// records use:
//
//   - streams: CreateStream (PROVISIONED and ON_DEMAND), DeleteStream, DescribeStream, DescribeStreamSummary, ListStreams,
//     IncreaseStreamRetentionPeriod, DecreaseStreamRetentionPeriod, UpdateMaxRecordSize
//   - shards: ListShards with pages and all filters, SplitShard, MergeShards, UpdateShardCount. A closed shard is listed until its
//     records have expired.
//   - records: PutRecord and PutRecords with partial failures and all size limits, GetShardIterator of all five types, GetRecords with
//     MillisBehindLatest, ChildShards and the nil iterator at the end of a closed shard
//   - enhanced fan-out: RegisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers, DeregisterStreamConsumer, SubscribeToShard
//
// Partition keys go to shards by their MD5 digest. Sequence numbers have 56 digits and grow within
// a shard and from parents to children; the numbers themselves are of our making. Arrival times
// have milliseconds. Error codes and HTTP statuses are those of the API.
//
// # Not held to it
//
//   - Signatures, accounts, policies and encryption are not checked; whoever calls may do everything.
//   - Throughput has no limit unless Options.Limits is set. Rates per account and operation are never limited.
//   - Changes take Options.ChangeTime, which is 0 unless set. ON_DEMAND streams keep their four shards.
//   - Messages of errors are like those of the service, not the same.
//   - What no page promises is chosen so as to be hard on a reader where that is possible: continuation numbers of subscriptions lie
//     between the numbers of records, an iterator is bound to its stream's life, and Options.LateEnd, Options.NumbersAnew,
//     Fault.Empty and HideNewShards show the rarer of two permitted behaviours. A sequence number that was trimmed is accepted and reads from the oldest record.
//   - Events come over HTTP/1.1 rather than HTTP/2.
//   - Other operations, such as those of tags, monitoring and channels, answer UnknownOperationException.
//
// # Clients
//
// Server.Client makes clients of the AWS SDK. Who makes one otherwise should give it HTTPClient:
// the SDK's own breaks connections now and then when a server answers as fast as this one, which
// costs retries. Subscriptions of one client share a decoder; under the race detector each needs a
// client of its own.
package kinesisfake
