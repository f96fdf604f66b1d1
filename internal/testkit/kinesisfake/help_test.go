package kinesisfake_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

// Pages of https://docs.aws.amazon.com that the tests hold the server to.
const (
	api = "https://docs.aws.amazon.com/kinesis/latest/APIReference/"
	dev = "https://docs.aws.amazon.com/streams/latest/dev/"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 250e6, time.UTC)

// A bench is a server at noon with a client.
type bench struct {
	*testing.T
	s     *kinesisfake.Server
	c     *kinesis.Client
	clock *kinesisfake.ManualClock
}

// serve starts a server; page is where the rule under test is published.
func serve(t *testing.T, page string, o kinesisfake.Options) *bench {
	t.Helper()
	t.Logf("rule of %s", page)
	b := &bench{T: t, clock: kinesisfake.NewManualClock(noon)}
	if o.Clock == nil {
		o.Clock = b.clock
	}
	b.s = kinesisfake.New(o)
	if err := b.s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.s.Close)
	b.c = b.s.Client()
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// fails asserts that err is of the code.
func (b *bench) fails(err error, code string) {
	b.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code {
		b.Errorf("want %s, got %v", code, err)
	}
}

func (b *bench) equal(want, got any) {
	b.Helper()
	if d := cmp.Diff(want, got); d != "" {
		b.Errorf("-want +got:\n%s", d)
	}
}

const first = "shardId-000000000000"

// iterator asks for an iterator of the first shard of stream s; the sequence number is given where
// it is needed.
func (b *bench) iterator(t types.ShardIteratorType, sequence ...string) string {
	b.Helper()
	return b.iteratorOf(first, t, sequence...)
}

func (b *bench) iteratorOf(shard string, t types.ShardIteratorType, sequence ...string) string {
	b.Helper()
	in := &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: &shard, ShardIteratorType: t}
	if len(sequence) > 0 {
		in.StartingSequenceNumber = &sequence[0]
	}
	out, err := b.c.GetShardIterator(b.Context(), in)
	b.must(err)
	return *out.ShardIterator
}

// get is one GetRecords.
func (b *bench) get(iterator string, limit int32) *kinesis.GetRecordsOutput {
	b.Helper()
	out, err := b.c.GetRecords(b.Context(), &kinesis.GetRecordsInput{ShardIterator: &iterator, Limit: &limit})
	b.must(err)
	return out
}

func texts(records []types.Record) []string {
	all := []string{}
	for _, r := range records {
		all = append(all, string(r.Data))
	}
	return all
}

// put sends texts through PutRecords.
func (b *bench) put(stream string, data ...string) *kinesis.PutRecordsOutput {
	b.Helper()
	in := &kinesis.PutRecordsInput{StreamName: &stream}
	for i, d := range data {
		in.Records = append(in.Records, types.PutRecordsRequestEntry{Data: []byte(d), PartitionKey: aws.String(fmt.Sprint("key-", i))})
	}
	out, err := b.c.PutRecords(b.Context(), in)
	b.must(err)
	return out
}

func (b *bench) list(in *kinesis.ListShardsInput) ([]string, *string) {
	b.Helper()
	out, err := b.c.ListShards(b.Context(), in)
	b.must(err)
	var ids []string
	for _, s := range out.Shards {
		ids = append(ids, *s.ShardId)
	}
	return ids, out.NextToken
}

func name(n int) string { return fmt.Sprintf("shardId-%012d", n) }
