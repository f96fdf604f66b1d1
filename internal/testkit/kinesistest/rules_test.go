package kinesistest

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/google/go-cmp/cmp"
)

const (
	low  = "0"                                       // an explicit hash key of the first shard
	high = "340282366920938463463374607431768211455" // of the last
)

var rules = []rule{
	{"partition keys go to shards by MD5", "API_PutRecords", plain, partitionKeys},
	{"explicit hash keys go to shards", "API_PutRecordsRequestEntry", plain, hashKeys},
	{"sequence numbers grow in a shard", "API_PutRecord", plain, growing},
	{"TRIM_HORIZON reads from the oldest record", "API_GetShardIterator", plain, func(r *trial) { r.reads("TRIM_HORIZON", 0) }},
	{"AT_SEQUENCE_NUMBER reads from the record", "API_GetShardIterator", plain, func(r *trial) { r.reads("AT_SEQUENCE_NUMBER", 3) }},
	{"AFTER_SEQUENCE_NUMBER reads behind the record", "API_GetShardIterator", plain, func(r *trial) { r.reads("AFTER_SEQUENCE_NUMBER", 4) }},
	{"LATEST reads what comes", "API_GetShardIterator", plain, latest},
	{"AT_TIMESTAMP reads from the next later record", "API_GetShardIterator", plain, atTimestamp},
	{"AT_SEQUENCE_NUMBER takes the start of a shard", "API_GetShardIterator", plain, fromStart},
	{"arrival times have milliseconds", "API_Record", plain, arrivals},
	{"GetRecords returns at most Limit records", "API_GetRecords", plain, limit},
	{"MillisBehindLatest is above 0 while records wait", "API_GetRecords", plain, behind},
	{"MillisBehindLatest is 0 at the tip", "API_GetRecords", plain, caughtUp},
	{"an unknown stream is ResourceNotFoundException", "API_GetShardIterator", plain, noStream},
	{"an unknown shard is ResourceNotFoundException", "API_GetShardIterator", plain, noShard},
	{"an iterator of no server is InvalidArgumentException", "API_GetRecords", plain, noIterator},
	{"a sequence number of another shard is InvalidArgumentException", "API_GetShardIterator", plain, otherShard},
	{"more than 500 records are refused", "API_PutRecords", plain, tooMany},
	{"a record above 1 MiB is refused", "large-records", plain, tooLarge},
	{"shards are listed in pages", "API_ListShards", plain, pages},
	{"ShardFilter AFTER_SHARD_ID lists later shards", "API_ShardFilter", plain, afterShard},
	{"a split closes the parent and lists it", "kinesis-using-sdk-java-resharding-split", plain, splits},
	{"a merge names both parents", "kinesis-using-sdk-java-resharding-merge", plain, merges},
	{"a closed shard ends with no iterator", "API_GetRecords", plain, ends},
	{"the end of a closed shard names its children", "API_GetRecords", plain, children},
	{"a child's numbers are above its parent's", "API_PutRecord", plain, generations},
	{"ShardFilter AT_LATEST lists open shards", "API_ShardFilter", plain, openShards},
	{"ShardFilter AT_TRIM_HORIZON lists the first shards", "API_ShardFilter", plain, firstShards},
	{"UpdateShardCount makes even shards", "API_UpdateShardCount", plain, evenly},
	{"an ON_DEMAND stream has four shards", "how-do-i-size-a-stream", plain, onDemand},
	{"a consumer registers once", "API_RegisterStreamConsumer", plain, registers},
	{"a subscription replays and ends with the children", "API_SubscribeToShard", plain, replays},
	{"a subscription pushes what comes", "API_SubscribeToShard", plain, pushes},
	{"a subscription resumes at the continuation", "API_SubscribeToShardEvent", plain, continues},
	{"an old iterator is ExpiredIteratorException", "API_GetRecords", hasty, expires},
	{"a shard takes in 1 MiB a second", "service-sizes-and-limits", limited, writeLimit},
	{"a shard is read five times a second", "service-sizes-and-limits", limited, readLimit},
}

// put puts texts with an explicit hash key and returns their places.
func (r *trial) put(stream, hash string, texts ...string) []types.PutRecordsResultEntry {
	var in []types.PutRecordsRequestEntry
	for _, t := range texts {
		in = append(in, types.PutRecordsRequestEntry{Data: []byte(t), PartitionKey: aws.String("k"), ExplicitHashKey: &hash})
	}
	out, err := r.c.PutRecords(r.t.Context(), &kinesis.PutRecordsInput{StreamName: &stream, Records: in})
	r.must(err)
	r.need(aws.ToInt32(out.FailedRecordCount) == 0, "PutRecords: %d entries failed", aws.ToInt32(out.FailedRecordCount))
	return out.Records
}

func (r *trial) shards(stream string, f *types.ShardFilter) []types.Shard {
	out, err := r.c.ListShards(r.t.Context(), &kinesis.ListShardsInput{StreamName: &stream, ShardFilter: f})
	r.must(err)
	return out.Shards
}

func ids(shards []types.Shard) []string {
	var all []string
	for _, s := range shards {
		all = append(all, *s.ShardId)
	}
	slices.Sort(all)
	return all
}

func (r *trial) iterator(stream, shard string, t types.ShardIteratorType, sequence *string) string {
	out, err := r.c.GetShardIterator(r.t.Context(), &kinesis.GetShardIteratorInput{
		StreamName: &stream, ShardId: &shard, ShardIteratorType: t, StartingSequenceNumber: sequence,
	})
	r.must(err)
	return *out.ShardIterator
}

// read reads until n records came or the shard ended, and returns their texts and the last answer.
func (r *trial) read(iterator string, n int) ([]string, *kinesis.GetRecordsOutput) {
	texts := []string{}
	for end := time.Now().Add(20 * time.Second); ; {
		out, err := r.c.GetRecords(r.t.Context(), &kinesis.GetRecordsInput{ShardIterator: &iterator})
		r.must(err)
		for _, rec := range out.Records {
			texts = append(texts, string(rec.Data))
		}
		if out.NextShardIterator == nil || len(texts) >= n || time.Now().After(end) {
			return texts, out
		}
		iterator = *out.NextShardIterator
		time.Sleep(10 * time.Millisecond)
	}
}

func (r *trial) equal(what string, want, got any) {
	if d := cmp.Diff(want, got); d != "" {
		panic(broken{fmt.Errorf("%s (-want +got):\n%s", what, d)})
	}
}

var letters = []string{"a", "b", "c", "d", "e", "f"}

func partitionKeys(r *trial) {
	stream := r.s.CreateStream(r.t, 2)
	all := ids(r.shards(stream, nil))
	// The digests of "a" and "key" begin with 0x0c and 0x3c, those of "b" and "c" with 0x92 and 0x4a.
	for key, shard := range map[string]int{"a": 0, "b": 1, "c": 0} {
		out, err := r.c.PutRecord(r.t.Context(), &kinesis.PutRecordInput{StreamName: &stream, PartitionKey: aws.String(key), Data: []byte("x")})
		r.must(err)
		r.equal("shard of "+key, all[shard], *out.ShardId)
	}
}

func hashKeys(r *trial) {
	stream := r.s.CreateStream(r.t, 2)
	all := ids(r.shards(stream, nil))
	r.equal("shard of the lowest", all[0], *r.put(stream, low, "a")[0].ShardId)
	r.equal("shard of the highest", all[1], *r.put(stream, high, "a")[0].ShardId)
}

func (r *trial) number(s *string) *big.Int {
	n, ok := new(big.Int).SetString(aws.ToString(s), 10)
	r.need(ok, "%q is no number", aws.ToString(s))
	return n
}

func growing(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	last := big.NewInt(0)
	for range 3 {
		for _, p := range r.put(stream, low, letters...) {
			n := r.number(p.SequenceNumber)
			r.need(n.Cmp(last) > 0, "%s follows %s", n, last)
			last = n
		}
	}
}

func (r *trial) reads(t types.ShardIteratorType, from int) {
	stream := r.s.CreateStream(r.t, 1)
	places := r.put(stream, low, letters...)
	var sequence *string
	if strings.HasSuffix(string(t), "SEQUENCE_NUMBER") {
		sequence = places[3].SequenceNumber
	}
	got, _ := r.read(r.iterator(stream, *places[0].ShardId, t, sequence), len(letters)-from)
	r.equal("records", letters[from:], got)
}

func latest(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := *r.put(stream, low, "old")[0].ShardId
	i := r.iterator(stream, shard, "LATEST", nil)
	r.put(stream, low, "new")
	got, _ := r.read(i, 1)
	r.equal("records", []string{"new"}, got)
}

func atTimestamp(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := *r.put(stream, low, "a", "b")[0].ShardId
	time.Sleep(1200 * time.Millisecond) // further than the second to which some servers round
	between := time.Now()
	time.Sleep(1200 * time.Millisecond)
	r.put(stream, low, "c")
	for at, want := range map[time.Time][]string{between: {"c"}, between.Add(-time.Hour): {"a", "b", "c"}} {
		out, err := r.c.GetShardIterator(r.t.Context(), &kinesis.GetShardIteratorInput{
			StreamName: &stream, ShardId: &shard, ShardIteratorType: "AT_TIMESTAMP", Timestamp: &at,
		})
		r.must(err)
		got, _ := r.read(*out.ShardIterator, len(want))
		r.equal("records", want, got)
	}
}

func fromStart(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := r.shards(stream, nil)[0]
	r.put(stream, low, letters...)
	got, _ := r.read(r.iterator(stream, *shard.ShardId, "AT_SEQUENCE_NUMBER", shard.SequenceNumberRange.StartingSequenceNumber), len(letters))
	r.equal("records", letters, got)
}

func arrivals(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	for range 20 { // a whole second by chance, but not so often
		before := time.Now().Truncate(time.Millisecond)
		p := r.put(stream, low, "a")[0]
		after := time.Now()
		out, err := r.c.GetRecords(r.t.Context(), &kinesis.GetRecordsInput{ShardIterator: aws.String(r.iterator(stream, *p.ShardId, "AT_SEQUENCE_NUMBER", p.SequenceNumber))})
		r.must(err)
		r.need(len(out.Records) == 1, "%d records", len(out.Records))
		at := *out.Records[0].ApproximateArrivalTimestamp
		r.need(!at.Before(before) && !at.After(after), "a record put from %s to %s arrived at %s", before, after, at)
	}
}

func limit(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := *r.put(stream, low, letters...)[0].ShardId
	in := &kinesis.GetRecordsInput{ShardIterator: aws.String(r.iterator(stream, shard, "TRIM_HORIZON", nil)), Limit: aws.Int32(2)}
	out, err := r.c.GetRecords(r.t.Context(), in)
	r.must(err)
	r.need(len(out.Records) == 2, "%d records with Limit 2", len(out.Records))
	in.Limit = aws.Int32(10_001)
	_, err = r.c.GetRecords(r.t.Context(), in)
	r.need(err != nil, "Limit 10001 is accepted")
}

func behind(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := *r.put(stream, low, letters[:2]...)[0].ShardId
	time.Sleep(50 * time.Millisecond)
	r.put(stream, low, letters[2:]...) // later: some servers measure from record to record
	out, err := r.c.GetRecords(r.t.Context(), &kinesis.GetRecordsInput{ShardIterator: aws.String(r.iterator(stream, shard, "TRIM_HORIZON", nil)), Limit: aws.Int32(2)})
	r.must(err)
	r.need(aws.ToInt64(out.MillisBehindLatest) > 0, "MillisBehindLatest is %d with records waiting", aws.ToInt64(out.MillisBehindLatest))
}

func caughtUp(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := *r.put(stream, low, letters...)[0].ShardId
	time.Sleep(20 * time.Millisecond)
	_, out := r.read(r.iterator(stream, shard, "TRIM_HORIZON", nil), len(letters))
	r.need(aws.ToInt64(out.MillisBehindLatest) == 0, "MillisBehindLatest is %d at the tip", aws.ToInt64(out.MillisBehindLatest))
}

func noStream(r *trial) {
	_, err := r.c.GetShardIterator(r.t.Context(), &kinesis.GetShardIteratorInput{
		StreamName: aws.String(StreamName(r.t)), ShardId: aws.String("shardId-000000000000"), ShardIteratorType: "TRIM_HORIZON",
	})
	r.fails(err, "ResourceNotFoundException")
}

func noShard(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	_, err := r.c.GetShardIterator(r.t.Context(), &kinesis.GetShardIteratorInput{
		StreamName: &stream, ShardId: aws.String("shardId-000000000007"), ShardIteratorType: "TRIM_HORIZON",
	})
	r.fails(err, "ResourceNotFoundException")
}

func noIterator(r *trial) {
	_, err := r.c.GetRecords(r.t.Context(), &kinesis.GetRecordsInput{ShardIterator: aws.String("AAAAAAAAAAFgarbage")})
	r.fails(err, "InvalidArgumentException")
}

func otherShard(r *trial) {
	stream := r.s.CreateStream(r.t, 2)
	p, q := r.put(stream, low, "a")[0], r.put(stream, high, "b")[0]
	_, err := r.c.GetShardIterator(r.t.Context(), &kinesis.GetShardIteratorInput{
		StreamName: &stream, ShardId: p.ShardId, ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: q.SequenceNumber,
	})
	r.fails(err, "InvalidArgumentException")
}

func tooMany(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	in := make([]types.PutRecordsRequestEntry, 501)
	for i := range in {
		in[i] = types.PutRecordsRequestEntry{Data: []byte("x"), PartitionKey: aws.String("k")}
	}
	_, err := r.c.PutRecords(r.t.Context(), &kinesis.PutRecordsInput{StreamName: &stream, Records: in})
	r.need(err != nil, "501 records are accepted")
}

func tooLarge(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	_, err := r.c.PutRecord(r.t.Context(), &kinesis.PutRecordInput{StreamName: &stream, PartitionKey: aws.String("k"), Data: make([]byte, 1<<20+1)})
	r.need(err != nil, "1 MiB and a byte are accepted")
}

func pages(r *trial) {
	stream := r.s.CreateStream(r.t, 3)
	want := ids(r.shards(stream, nil))
	var got []string
	in := &kinesis.ListShardsInput{StreamName: &stream, MaxResults: aws.Int32(2)}
	for range 3 {
		out, err := r.c.ListShards(r.t.Context(), in)
		r.must(err)
		r.need(len(out.Shards) <= 2, "a page of %d shards with MaxResults 2", len(out.Shards))
		got = append(got, ids(out.Shards)...)
		if out.NextToken == nil {
			break
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken, MaxResults: aws.Int32(2)}
	}
	r.equal("shards", want, got)
}

func afterShard(r *trial) {
	stream := r.s.CreateStream(r.t, 3)
	all := ids(r.shards(stream, nil))
	r.equal("shards", all[1:], ids(r.shards(stream, &types.ShardFilter{Type: "AFTER_SHARD_ID", ShardId: &all[0]})))
}

// split makes a stream of one shard with the letters in it and splits that.
func (r *trial) split() (stream, parent string, kids []types.Shard) {
	stream = r.s.CreateStream(r.t, 1)
	parent = *r.put(stream, low, letters...)[0].ShardId
	_, err := r.c.SplitShard(r.t.Context(), &kinesis.SplitShardInput{
		StreamName: &stream, ShardToSplit: &parent, NewStartingHashKey: aws.String("170141183460469231731687303715884105728"),
	})
	r.must(err)
	r.s.WaitActive(r.t, stream)
	Eventually(r.t, "the children are listed", func() bool { return len(r.shards(stream, nil)) > 1 })
	for _, s := range r.shards(stream, nil) {
		if aws.ToString(s.ParentShardId) == parent {
			kids = append(kids, s)
		}
	}
	slices.SortFunc(kids, func(a, b types.Shard) int { return strings.Compare(*a.ShardId, *b.ShardId) })
	r.need(len(kids) == 2, "%d children", len(kids))
	return stream, parent, kids
}

func splits(r *trial) {
	stream, parent, kids := r.split()
	all := r.shards(stream, nil)
	r.need(len(all) == 3, "%d shards are listed", len(all))
	for _, s := range all {
		r.need((s.SequenceNumberRange.EndingSequenceNumber != nil) == (*s.ShardId == parent), "%s has the numbers %+v", *s.ShardId, *s.SequenceNumberRange)
	}
	r.equal("ranges of the children", []string{low, "170141183460469231731687303715884105727", "170141183460469231731687303715884105728", high},
		[]string{*kids[0].HashKeyRange.StartingHashKey, *kids[0].HashKeyRange.EndingHashKey, *kids[1].HashKeyRange.StartingHashKey, *kids[1].HashKeyRange.EndingHashKey})
}

func merges(r *trial) {
	stream := r.s.CreateStream(r.t, 2)
	both := ids(r.shards(stream, nil))
	_, err := r.c.MergeShards(r.t.Context(), &kinesis.MergeShardsInput{StreamName: &stream, ShardToMerge: &both[0], AdjacentShardToMerge: &both[1]})
	r.must(err)
	r.s.WaitActive(r.t, stream)
	var child types.Shard
	Eventually(r.t, "the child is listed", func() bool {
		all := r.shards(stream, nil)
		child = all[len(all)-1]
		return len(all) == 3
	})
	r.equal("parents", both, []string{aws.ToString(child.ParentShardId), aws.ToString(child.AdjacentParentShardId)})
	r.equal("range", []string{low, high}, []string{*child.HashKeyRange.StartingHashKey, *child.HashKeyRange.EndingHashKey})
}

func ends(r *trial) {
	stream, parent, _ := r.split()
	got, out := r.read(r.iterator(stream, parent, "TRIM_HORIZON", nil), len(letters)+1)
	r.equal("records", letters, got)
	r.need(out.NextShardIterator == nil, "there is a next iterator")
}

func children(r *trial) {
	stream, parent, kids := r.split()
	_, out := r.read(r.iterator(stream, parent, "TRIM_HORIZON", nil), len(letters)+1)
	r.children(parent, kids, out.ChildShards)
}

func (r *trial) children(parent string, want []types.Shard, got []types.ChildShard) {
	var named []string
	for _, c := range got {
		named = append(named, *c.ShardId)
		r.equal("parents of "+*c.ShardId, []string{parent}, c.ParentShards)
	}
	slices.Sort(named)
	r.equal("children", ids(want), named)
}

func generations(r *trial) {
	stream, parent, _ := r.split()
	after := r.put(stream, low, "x")[0]
	_, out := r.read(r.iterator(stream, parent, "TRIM_HORIZON", nil), len(letters))
	last := out.Records[len(out.Records)-1]
	r.need(r.number(after.SequenceNumber).Cmp(r.number(last.SequenceNumber)) > 0, "%s in the child follows %s in the parent", *after.SequenceNumber, *last.SequenceNumber)
}

func openShards(r *trial) {
	stream, _, kids := r.split()
	r.equal("shards", ids(kids), ids(r.shards(stream, &types.ShardFilter{Type: "AT_LATEST"})))
}

func firstShards(r *trial) {
	stream, parent, _ := r.split()
	r.equal("shards", []string{parent}, ids(r.shards(stream, &types.ShardFilter{Type: "AT_TRIM_HORIZON"})))
}

func evenly(r *trial) {
	stream := r.s.CreateStream(r.t, 2)
	_, err := r.c.UpdateShardCount(r.t.Context(), &kinesis.UpdateShardCountInput{StreamName: &stream, TargetShardCount: aws.Int32(4), ScalingType: "UNIFORM_SCALING"})
	r.must(err)
	r.s.WaitActive(r.t, stream)
	starts := map[string]bool{}
	Eventually(r.t, "six shards are listed", func() bool { return len(r.shards(stream, nil)) == 6 })
	for _, s := range r.shards(stream, nil) {
		if s.SequenceNumberRange.EndingSequenceNumber == nil {
			starts[*s.HashKeyRange.StartingHashKey] = true
		}
	}
	r.equal("starts", map[string]bool{"0": true, "850": true, "170": true, "255": true}, shorten(starts))
}

func onDemand(r *trial) {
	name := StreamName(r.t)
	_, err := r.c.CreateStream(r.t.Context(), &kinesis.CreateStreamInput{StreamName: &name, StreamModeDetails: &types.StreamModeDetails{StreamMode: "ON_DEMAND"}})
	r.must(err)
	r.s.WaitActive(r.t, name)
	r.need(len(r.shards(name, nil)) == 4, "%d shards", len(r.shards(name, nil)))
}

// consumer registers a consumer of a stream and waits until it is ACTIVE.
func (r *trial) consumer(stream string) (arn string) {
	d, err := r.c.DescribeStreamSummary(r.t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &stream})
	r.must(err)
	out, err := r.c.RegisterStreamConsumer(r.t.Context(), &kinesis.RegisterStreamConsumerInput{StreamARN: d.StreamDescriptionSummary.StreamARN, ConsumerName: aws.String("reader")})
	r.must(err)
	arn = *out.Consumer.ConsumerARN
	Eventually(r.t, "the consumer is ACTIVE", func() bool {
		d, err := r.c.DescribeStreamConsumer(r.t.Context(), &kinesis.DescribeStreamConsumerInput{ConsumerARN: &arn})
		return err == nil && d.ConsumerDescription.ConsumerStatus == types.ConsumerStatusActive
	})
	return arn
}

func registers(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	r.consumer(stream)
	d, err := r.c.DescribeStreamSummary(r.t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &stream})
	r.must(err)
	_, err = r.c.RegisterStreamConsumer(r.t.Context(), &kinesis.RegisterStreamConsumerInput{StreamARN: d.StreamDescriptionSummary.StreamARN, ConsumerName: aws.String("reader")})
	r.fails(err, "ResourceInUseException")
}

// pushed is what a subscription has brought.
type pushed struct {
	texts        []string
	children     []types.ChildShard
	continuation *string
	ended        bool
}

// subscribe collects events until enough holds or the subscription ends.
func (r *trial) subscribe(arn, shard string, at types.StartingPosition, begun func(), enough func(*pushed) bool) *pushed {
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	out, err := r.c.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{ConsumerARN: &arn, ShardId: &shard, StartingPosition: &at})
	r.must(err)
	events := out.GetStream()
	defer events.Close()
	if begun != nil {
		begun()
	}
	p := &pushed{}
	for e := range events.Events() {
		v, ok := e.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
		r.need(ok, "event of type %T", e)
		for _, rec := range v.Value.Records {
			p.texts = append(p.texts, string(rec.Data))
		}
		p.children = append(p.children, v.Value.ChildShards...)
		p.continuation = v.Value.ContinuationSequenceNumber
		if enough(p) {
			return p
		}
	}
	r.must(events.Err())
	p.ended = true
	return p
}

func replays(r *trial) {
	stream, parent, kids := r.split()
	p := r.subscribe(r.consumer(stream), parent, types.StartingPosition{Type: "TRIM_HORIZON"}, nil, func(*pushed) bool { return false })
	r.equal("records", letters, p.texts)
	r.need(p.ended, "the subscription goes on")
	r.children(parent, kids, p.children)
}

func pushes(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := *r.put(stream, low, "old")[0].ShardId
	arn := r.consumer(stream)
	p := r.subscribe(arn, shard, types.StartingPosition{Type: "LATEST"}, func() { r.put(stream, low, "new") }, func(p *pushed) bool { return len(p.texts) > 0 })
	r.equal("records", []string{"new"}, p.texts)
}

func continues(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := *r.put(stream, low, letters...)[0].ShardId
	arn := r.consumer(stream)
	p := r.subscribe(arn, shard, types.StartingPosition{Type: "TRIM_HORIZON"}, nil, func(p *pushed) bool { return len(p.texts) == len(letters) })
	r.equal("records", letters, p.texts)
	r.need(p.continuation != nil, "no continuation")
	r.put(stream, low, "next")
	p = r.subscribe(arn, shard, types.StartingPosition{Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: p.continuation}, nil, func(p *pushed) bool { return len(p.texts) > 0 })
	r.equal("records", []string{"next"}, p.texts)
}

func expires(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := *r.put(stream, low, letters...)[0].ShardId
	i := r.iterator(stream, shard, "TRIM_HORIZON", nil)
	time.Sleep(2500 * time.Millisecond)
	_, err := r.c.GetRecords(r.t.Context(), &kinesis.GetRecordsInput{ShardIterator: &i})
	r.fails(err, "ExpiredIteratorException")
}

func writeLimit(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	in := make([]types.PutRecordsRequestEntry, 8)
	for i := range in {
		in[i] = types.PutRecordsRequestEntry{Data: bytes.Repeat([]byte("x"), 500<<10), PartitionKey: aws.String("k")}
	}
	out, err := r.c.PutRecords(r.t.Context(), &kinesis.PutRecordsInput{StreamName: &stream, Records: in})
	r.must(err)
	failed := 0
	for _, e := range out.Records {
		if aws.ToString(e.ErrorCode) == "ProvisionedThroughputExceededException" {
			failed++
		}
	}
	r.need(failed > 0 && failed == int(aws.ToInt32(out.FailedRecordCount)), "of 4 MB at once %d entries were throttled, FailedRecordCount is %d", failed, aws.ToInt32(out.FailedRecordCount))
}

func readLimit(r *trial) {
	stream := r.s.CreateStream(r.t, 1)
	shard := *r.put(stream, low, letters...)[0].ShardId
	i := r.iterator(stream, shard, "TRIM_HORIZON", nil)
	for range 100 { // as fast as possible
		if _, err := r.c.GetRecords(r.t.Context(), &kinesis.GetRecordsInput{ShardIterator: &i}); err != nil {
			r.fails(err, "ProvisionedThroughputExceededException")
			return
		}
	}
	r.need(false, "100 reads in a row succeeded")
}

// shorten keeps the first three digits of numbers, and 0 as it is.
func shorten(m map[string]bool) map[string]bool {
	out := map[string]bool{}
	for k := range m {
		out[k[:min(3, len(k))]] = true
	}
	return out
}
