package kinesisfake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"flexbeam/internal/testkit/kinesisfake"
)

func TestAClosedShardEndsWithItsChildren(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late=%t", late), func(t *testing.T) {
			b := serve(t, api+"API_GetRecords.html", kinesisfake.Options{LateEnd: late})
			b.s.CreateStream("s", 1)
			b.s.PutTexts("s", "k", "a", "b")
			b.s.Split("s", first)
			out := b.get(b.iterator("TRIM_HORIZON"), 1)
			b.equal([]string{"a"}, texts(out.Records))
			b.equal(0, len(out.ChildShards))
			out = b.get(*out.NextShardIterator, 10)
			b.equal([]string{"b"}, texts(out.Records))
			if late {
				out = b.get(*out.NextShardIterator, 10)
				b.equal([]string{}, texts(out.Records))
			}
			if out.NextShardIterator != nil {
				t.Error("the closed shard goes on")
			}
			b.equal(int64(0), *out.MillisBehindLatest)
			var got []string
			for _, c := range out.ChildShards {
				b.equal([]string{first}, c.ParentShards)
				got = append(got, fmt.Sprintln(*c.ShardId, *c.HashKeyRange.StartingHashKey, *c.HashKeyRange.EndingHashKey))
			}
			b.equal([]string{
				fmt.Sprintln(name(1), "0", "170141183460469231731687303715884105727"),
				fmt.Sprintln(name(2), "170141183460469231731687303715884105728", "340282366920938463463374607431768211455"),
			}, got)
		})
	}
}

func TestAClosedShardIsListedUntilItsRecordsHaveExpired(t *testing.T) {
	b := serve(t, dev+"kinesis-using-sdk-java-after-resharding.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	b.s.PutTexts("s", "k", "a")
	b.clock.Advance(time.Hour)
	b.s.Split("s", first)
	b.clock.Advance(24 * time.Hour)
	got, _ := b.list(&kinesis.ListShardsInput{StreamName: aws.String("s")})
	b.equal([]string{name(0), name(1), name(2)}, got)
	b.clock.Advance(time.Millisecond)
	got, _ = b.list(&kinesis.ListShardsInput{StreamName: aws.String("s")})
	b.equal([]string{name(1), name(2)}, got)
	_, err := b.c.GetShardIterator(b.Context(), &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: aws.String(first), ShardIteratorType: "TRIM_HORIZON"})
	b.fails(err, kinesisfake.ResourceNotFound)
}

func TestAChildOfAMergeNamesBothParents(t *testing.T) {
	b := serve(t, dev+"kinesis-using-sdk-java-resharding-merge.html", kinesisfake.Options{})
	b.s.CreateStream("s", 3)
	merge := func(a, c int) error {
		_, err := b.c.MergeShards(b.Context(), &kinesis.MergeShardsInput{StreamName: aws.String("s"), ShardToMerge: aws.String(name(a)), AdjacentShardToMerge: aws.String(name(c))})
		return err
	}
	b.fails(merge(0, 2), kinesisfake.InvalidArgument)
	b.fails(merge(0, 7), kinesisfake.ResourceNotFound)
	b.must(merge(1, 0))
	b.fails(merge(1, 2), kinesisfake.ResourceInUse)
	out, err := b.c.ListShards(b.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s")})
	b.must(err)
	child := out.Shards[3]
	b.equal([]string{name(1), name(0)}, []string{*child.ParentShardId, *child.AdjacentParentShardId})
	b.equal("0", *child.HashKeyRange.StartingHashKey)
}

func TestFiltersListTheShardsOfTheirTime(t *testing.T) {
	b := serve(t, api+"API_ShardFilter.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	b.clock.Advance(10 * time.Hour)
	b.s.Split("s", name(0)) // 1, 2 from 10 h on
	b.clock.Advance(10 * time.Hour)
	b.s.Split("s", name(1)) // 3, 4 from 20 h on
	b.clock.Advance(10 * time.Hour)
	at := func(hours int) *time.Time { return aws.Time(noon.Add(time.Duration(hours) * time.Hour)) }
	tests := []struct {
		filter types.ShardFilter
		want   []string
	}{
		{types.ShardFilter{Type: "AT_LATEST"}, []string{name(2), name(3), name(4)}},
		{types.ShardFilter{Type: "AT_TRIM_HORIZON"}, []string{name(0)}}, // 6 h
		{types.ShardFilter{Type: "FROM_TRIM_HORIZON"}, []string{name(0), name(1), name(2), name(3), name(4)}},
		{types.ShardFilter{Type: "AFTER_SHARD_ID", ShardId: aws.String(name(2))}, []string{name(3), name(4)}},
		{types.ShardFilter{Type: "AT_TIMESTAMP", Timestamp: at(15)}, []string{name(1), name(2)}},
		{types.ShardFilter{Type: "AT_TIMESTAMP", Timestamp: at(10)}, []string{name(0), name(1), name(2)}},
		{types.ShardFilter{Type: "FROM_TIMESTAMP", Timestamp: at(15)}, []string{name(1), name(2), name(3), name(4)}},
		{types.ShardFilter{Type: "FROM_TIMESTAMP", Timestamp: at(-100)}, []string{name(0), name(1), name(2), name(3), name(4)}},
	}
	for _, tt := range tests {
		t.Run(string(tt.filter.Type), func(t *testing.T) {
			got, _ := b.list(&kinesis.ListShardsInput{StreamName: aws.String("s"), ShardFilter: &tt.filter})
			b.equal(tt.want, got)
		})
	}
	_, err := b.c.ListShards(b.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s"), ShardFilter: &types.ShardFilter{Type: "AT_TIMESTAMP"}})
	b.fails(err, kinesisfake.InvalidArgument)
}

func TestPagesOfAListingContinueFor300Seconds(t *testing.T) {
	b := serve(t, api+"API_ListShards.html", kinesisfake.Options{})
	b.s.CreateStream("s", 5)
	got, token := b.list(&kinesis.ListShardsInput{StreamName: aws.String("s"), MaxResults: aws.Int32(2)})
	b.equal([]string{name(0), name(1)}, got)
	_, err := b.c.ListShards(b.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s"), NextToken: token})
	b.fails(err, kinesisfake.InvalidArgument)
	b.clock.Advance(300 * time.Second)
	got, token = b.list(&kinesis.ListShardsInput{NextToken: token, MaxResults: aws.Int32(2)})
	b.equal([]string{name(2), name(3)}, got)
	got, end := b.list(&kinesis.ListShardsInput{NextToken: token})
	b.equal([]string{name(4)}, got)
	if end != nil {
		t.Error("the last page has a token")
	}
	b.clock.Advance(300*time.Second + time.Millisecond)
	_, err = b.c.ListShards(b.Context(), &kinesis.ListShardsInput{NextToken: token})
	b.fails(err, kinesisfake.ExpiredNextToken)
}

func TestNewShardsAppearInListingsLate(t *testing.T) {
	b := serve(t, "its own", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	b.s.HideNewShards("s", 2)
	b.s.Split("s", first)
	for _, want := range []int{1, 1, 3} {
		got, _ := b.list(&kinesis.ListShardsInput{StreamName: aws.String("s")})
		b.equal(want, len(got))
	}
	b.equal(2, len(b.get(b.iterator("TRIM_HORIZON"), 1).ChildShards))
}

func TestChangesTakeTheirTime(t *testing.T) {
	b := serve(t, api+"API_SplitShard.html", kinesisfake.Options{ChangeTime: time.Minute})
	status := func(want types.StreamStatus, open int) {
		t.Helper()
		d, err := b.c.DescribeStreamSummary(b.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("s")})
		b.must(err)
		b.equal(want, d.StreamDescriptionSummary.StreamStatus)
		b.equal(int32(open), *d.StreamDescriptionSummary.OpenShardCount)
	}
	_, err := b.c.CreateStream(b.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	b.must(err)
	status("CREATING", 0)
	b.clock.Advance(time.Minute)
	status("ACTIVE", 1)
	split := &kinesis.SplitShardInput{StreamName: aws.String("s"), ShardToSplit: aws.String(first), NewStartingHashKey: aws.String("1000")}
	_, err = b.c.SplitShard(b.Context(), split)
	b.must(err)
	_, err = b.c.SplitShard(b.Context(), split)
	b.fails(err, kinesisfake.ResourceInUse)
	b.put("s", "while it is UPDATING")
	status("UPDATING", 1)
	b.clock.Advance(time.Minute)
	status("ACTIVE", 2)
	_, err = b.c.DeleteStream(b.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String("s")})
	b.must(err)
	status("DELETING", 2)
	b.clock.Advance(time.Minute)
	_, err = b.c.DescribeStreamSummary(b.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("s")})
	b.fails(err, kinesisfake.ResourceNotFound)
}

func TestUpdateShardCountStaysWithinDoubleAndHalf(t *testing.T) {
	b := serve(t, api+"API_UpdateShardCount.html", kinesisfake.Options{})
	b.s.CreateStream("s", 4)
	update := func(n int32) error {
		_, err := b.c.UpdateShardCount(b.Context(), &kinesis.UpdateShardCountInput{StreamName: aws.String("s"), TargetShardCount: &n, ScalingType: "UNIFORM_SCALING"})
		return err
	}
	b.fails(update(9), kinesisfake.LimitExceeded)
	b.fails(update(1), kinesisfake.LimitExceeded)
	for _, n := range []int32{6, 3, 5} {
		b.must(update(n))
		got, _ := b.list(&kinesis.ListShardsInput{StreamName: aws.String("s"), ShardFilter: &types.ShardFilter{Type: "AT_LATEST"}})
		b.equal(int(n), len(got))
	}
}

func TestStreamsAreCreatedDescribedAndListed(t *testing.T) {
	b := serve(t, api+"API_CreateStream.html", kinesisfake.Options{Region: "eu-west-1", Account: "111122223333"})
	_, err := b.c.CreateStream(b.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("on-demand"), StreamModeDetails: &types.StreamModeDetails{StreamMode: "ON_DEMAND"}})
	b.must(err)
	for i := range 3 {
		b.s.CreateStream(fmt.Sprint("s", i), 2)
	}
	_, err = b.c.CreateStream(b.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s0"), ShardCount: aws.Int32(1)})
	b.fails(err, kinesisfake.ResourceInUse)
	_, err = b.c.CreateStream(b.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("no shards")})
	b.fails(err, kinesisfake.Validation)
	d, err := b.c.DescribeStream(b.Context(), &kinesis.DescribeStreamInput{StreamName: aws.String("on-demand"), Limit: aws.Int32(3)})
	b.must(err)
	b.equal("arn:aws:kinesis:eu-west-1:111122223333:stream/on-demand", *d.StreamDescription.StreamARN)
	b.equal(types.StreamModeOnDemand, d.StreamDescription.StreamModeDetails.StreamMode)
	b.equal([]any{3, true}, []any{len(d.StreamDescription.Shards), *d.StreamDescription.HasMoreShards})
	b.equal(noon, *d.StreamDescription.StreamCreationTimestamp)
	var names []string
	pages := kinesis.NewListStreamsPaginator(b.c, &kinesis.ListStreamsInput{Limit: aws.Int32(3)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(b.Context())
		b.must(err)
		names = append(names, page.StreamNames...)
	}
	b.equal([]string{"on-demand", "s0", "s1", "s2"}, names)
	_, err = b.c.SplitShard(b.Context(), &kinesis.SplitShardInput{StreamName: aws.String("on-demand"), ShardToSplit: aws.String(first), NewStartingHashKey: aws.String("7")})
	b.fails(err, kinesisfake.Validation)
	_, err = b.c.DescribeLimits(b.Context(), &kinesis.DescribeLimitsInput{})
	b.fails(err, kinesisfake.UnknownOperation)
}
