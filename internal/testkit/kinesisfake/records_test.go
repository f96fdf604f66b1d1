package kinesisfake_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"flexbeam/internal/testkit/kinesisfake"
)

func TestRecordsComeBackAsTheyWerePut(t *testing.T) {
	b := serve(t, api+"API_Record.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	out := b.put("s", "a", "\x00\xff", "")
	rec := b.get(b.iterator("TRIM_HORIZON"), 10).Records
	b.equal([]string{"a", "\x00\xff", ""}, texts(rec))
	for i, r := range rec {
		b.equal(*out.Records[i].SequenceNumber, *r.SequenceNumber)
		b.equal(noon, *r.ApproximateArrivalTimestamp)
	}
	b.equal("key-1", *rec[1].PartitionKey)
}

func TestPartitionKeysOfAnyTextComeBack(t *testing.T) {
	b := serve(t, api+"API_PutRecord.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	key := `"\ ` + "\nä\u2028" + strings.Repeat("漢", 200)
	_, err := b.c.PutRecord(b.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), Data: []byte("x"), PartitionKey: &key})
	b.must(err)
	b.equal(key, *b.get(b.iterator("TRIM_HORIZON"), 1).Records[0].PartitionKey)
}

func TestRequestsBeyondTheLimitsAreRefused(t *testing.T) {
	b := serve(t, api+"API_PutRecords.html and "+dev+"large-records.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	const mib = 1 << 20
	sizes := func(n, size int) []types.PutRecordsRequestEntry {
		all := make([]types.PutRecordsRequestEntry, n)
		for i := range all {
			all[i] = types.PutRecordsRequestEntry{Data: make([]byte, size-1), PartitionKey: aws.String("k")}
		}
		return all
	}
	tests := []struct {
		name    string
		records []types.PutRecordsRequestEntry
		code    string
	}{
		{"500 records", sizes(500, 2), ""},
		{"501 records", sizes(501, 2), kinesisfake.Validation},
		{"1 MiB with its key", sizes(1, mib), ""},
		{"1 MiB and a byte", sizes(1, mib+1), kinesisfake.InvalidArgument},
		{"10 MiB in all", sizes(10, mib), ""},
		{"10 MiB and a byte in all", append(sizes(10, mib), sizes(1, 1)...), kinesisfake.InvalidArgument},
		{"a key of 256 characters", []types.PutRecordsRequestEntry{{Data: []byte("x"), PartitionKey: aws.String(strings.Repeat("ä", 256))}}, ""},
		{"a key of 257 characters", []types.PutRecordsRequestEntry{{Data: []byte("x"), PartitionKey: aws.String(strings.Repeat("ä", 257))}}, kinesisfake.Validation},
		{"no key", []types.PutRecordsRequestEntry{{Data: []byte("x"), PartitionKey: aws.String("")}}, kinesisfake.Validation},
		{"a hash key of 2^128", []types.PutRecordsRequestEntry{{Data: []byte("x"), PartitionKey: aws.String("k"), ExplicitHashKey: aws.String("340282366920938463463374607431768211456")}}, kinesisfake.InvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: tt.records})
			if tt.code == "" {
				b.must(err)
			} else {
				b.fails(err, tt.code)
			}
		})
	}
	arn := b.s.ARN("s")
	_, err := b.c.UpdateMaxRecordSize(b.Context(), &kinesis.UpdateMaxRecordSizeInput{StreamARN: &arn, MaxRecordSizeInKiB: aws.Int32(10240)})
	b.must(err)
	_, err = b.c.PutRecords(b.Context(), &kinesis.PutRecordsInput{StreamARN: &arn, Records: sizes(1, 10*mib)})
	b.must(err)
}

func TestGetRecordsGivesAtMost10MiBAnd10000Records(t *testing.T) {
	b := serve(t, api+"API_GetRecords.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	for range 11 {
		b.s.Put("s", kinesisfake.Record{PartitionKey: "k", Data: bytes.Repeat([]byte("x"), 1<<20-1)})
	}
	for range 10_001 {
		b.s.PutTexts("s", "k", "x")
	}
	out := b.get(b.iterator("TRIM_HORIZON"), 10_000)
	b.equal(10, len(out.Records))
	out = b.get(*out.NextShardIterator, 10_000)
	b.equal(10_000, len(out.Records))
	out = b.get(*out.NextShardIterator, 10_000)
	b.equal(2, len(out.Records))
	_, err := b.c.GetRecords(b.Context(), &kinesis.GetRecordsInput{ShardIterator: out.NextShardIterator, Limit: aws.Int32(10_001)})
	b.fails(err, kinesisfake.InvalidArgument)
}

func TestMillisBehindLatestIsTheAgeOfWhatWasReadUntilNothingIsLeft(t *testing.T) {
	b := serve(t, api+"API_GetRecords.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	b.s.PutTexts("s", "k", "a", "b")
	b.clock.Advance(3 * time.Second)
	b.s.PutTexts("s", "k", "c")
	b.clock.Advance(2 * time.Second)
	want := []int64{5000, 5000, 0, 0}
	var got []int64
	i := aws.String(b.iterator("TRIM_HORIZON"))
	for range want {
		out := b.get(*i, 1)
		got, i = append(got, *out.MillisBehindLatest), out.NextShardIterator
	}
	b.equal(want, got)
	b.s.PutTexts("s", "k", "d", "e")
	b.equal(int64(1), *b.get(*i, 1).MillisBehindLatest) // put in this very millisecond, but not at the tip
}

func TestIteratorsBeginWhereTheirTypeSays(t *testing.T) {
	b := serve(t, api+"API_GetShardIterator.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	p := b.s.PutTexts("s", "k", "a", "b")
	b.clock.Advance(time.Minute)
	p = append(p, b.s.PutTexts("s", "k", "c", "d")...)
	tests := []struct {
		name     string
		kind     types.ShardIteratorType
		sequence string
		at       time.Time
		want     []string
	}{
		{name: "trim horizon", kind: "TRIM_HORIZON", want: []string{"a", "b", "c", "d"}},
		{name: "latest", kind: "LATEST", want: []string{}},
		{name: "at", kind: "AT_SEQUENCE_NUMBER", sequence: p[1].SequenceNumber, want: []string{"b", "c", "d"}},
		{name: "after", kind: "AFTER_SEQUENCE_NUMBER", sequence: p[1].SequenceNumber, want: []string{"c", "d"}},
		{name: "after the last", kind: "AFTER_SEQUENCE_NUMBER", sequence: p[3].SequenceNumber, want: []string{}},
		{name: "at a time", kind: "AT_TIMESTAMP", at: noon, want: []string{"a", "b", "c", "d"}},
		{name: "a millisecond later", kind: "AT_TIMESTAMP", at: noon.Add(time.Millisecond), want: []string{"c", "d"}},
		{name: "before the stream", kind: "AT_TIMESTAMP", at: noon.Add(-time.Hour), want: []string{"a", "b", "c", "d"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: aws.String(first), ShardIteratorType: tt.kind}
			if tt.sequence != "" {
				in.StartingSequenceNumber = &tt.sequence
			}
			if !tt.at.IsZero() {
				in.Timestamp = &tt.at
			}
			out, err := b.c.GetShardIterator(t.Context(), in)
			b.must(err)
			b.equal(tt.want, texts(b.get(*out.ShardIterator, 10).Records))
		})
	}
}

func TestIteratorsThatCannotBeAreRefused(t *testing.T) {
	b := serve(t, api+"API_GetShardIterator.html", kinesisfake.Options{})
	b.s.CreateStream("s", 2)
	b.s.CreateStream("other", 2)
	high := b.s.Put("s", kinesisfake.Record{ExplicitHashKey: b.s.Shards("s")[1].HashKey})[0]
	b.clock.Advance(time.Second)
	other := b.s.Put("other", kinesisfake.Record{ExplicitHashKey: "0"}, kinesisfake.Record{ExplicitHashKey: "0"})[1]
	later := noon.Add(time.Hour)
	tests := []struct {
		name string
		in   kinesis.GetShardIteratorInput
		code string
	}{
		{"no stream", kinesis.GetShardIteratorInput{StreamName: aws.String("none"), ShardIteratorType: "LATEST"}, kinesisfake.ResourceNotFound},
		{"no shard", kinesis.GetShardIteratorInput{ShardId: aws.String(name(2)), ShardIteratorType: "LATEST"}, kinesisfake.ResourceNotFound},
		{"no number", kinesis.GetShardIteratorInput{ShardIteratorType: "AT_SEQUENCE_NUMBER"}, kinesisfake.InvalidArgument},
		{"a number of no service", kinesis.GetShardIteratorInput{ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: aws.String("1")}, kinesisfake.InvalidArgument},
		{"a number of another shard", kinesis.GetShardIteratorInput{ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: &high.SequenceNumber}, kinesisfake.InvalidArgument},
		{"a number of another stream", kinesis.GetShardIteratorInput{ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: &other.SequenceNumber}, kinesisfake.InvalidArgument},
		{"no time", kinesis.GetShardIteratorInput{ShardIteratorType: "AT_TIMESTAMP"}, kinesisfake.InvalidArgument},
		{"a time to come", kinesis.GetShardIteratorInput{ShardIteratorType: "AT_TIMESTAMP", Timestamp: &later}, kinesisfake.InvalidArgument},
		{"an unknown type", kinesis.GetShardIteratorInput{ShardIteratorType: "OLDEST"}, kinesisfake.Validation},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.in.StreamName == nil {
				tt.in.StreamName = aws.String("s")
			}
			if tt.in.ShardId == nil {
				tt.in.ShardId = aws.String(first)
			}
			_, err := b.c.GetShardIterator(t.Context(), &tt.in)
			b.fails(err, tt.code)
		})
	}
	_, err := b.c.GetRecords(b.Context(), &kinesis.GetRecordsInput{ShardIterator: aws.String("AAAAAAAAAAFgarbage")})
	b.fails(err, kinesisfake.InvalidArgument)
}

func TestIteratorsExpireAfterFiveMinutes(t *testing.T) {
	b := serve(t, api+"API_GetShardIterator.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	i := b.iterator("TRIM_HORIZON")
	b.clock.Advance(5*time.Minute - time.Millisecond)
	i2 := *b.get(i, 1).NextShardIterator
	b.clock.Advance(time.Millisecond)
	_, err := b.c.GetRecords(b.Context(), &kinesis.GetRecordsInput{ShardIterator: &i})
	b.fails(err, kinesisfake.ExpiredIterator)
	b.get(i2, 1)
	b.s.ExpireIterators()
	_, err = b.c.GetRecords(b.Context(), &kinesis.GetRecordsInput{ShardIterator: &i2})
	b.fails(err, kinesisfake.ExpiredIterator)
	b.get(b.iterator("LATEST"), 1)
}

func TestRecordsLiveAsLongAsTheRetentionPeriod(t *testing.T) {
	b := serve(t, api+"API_IncreaseStreamRetentionPeriod.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	old := b.s.PutTexts("s", "k", "a", "b")[1]
	b.clock.Advance(24 * time.Hour)
	b.s.PutTexts("s", "k", "c")
	b.equal([]string{"a", "b", "c"}, texts(b.get(b.iterator("TRIM_HORIZON"), 10).Records))
	i := b.iterator("TRIM_HORIZON")
	b.clock.Advance(time.Millisecond)
	for _, i := range []string{i, b.iterator("TRIM_HORIZON"), b.iterator("AT_SEQUENCE_NUMBER", old.SequenceNumber), b.iterator("AFTER_SEQUENCE_NUMBER", old.SequenceNumber)} {
		b.equal([]string{"c"}, texts(b.get(i, 10).Records))
	}
	_, err := b.c.IncreaseStreamRetentionPeriod(b.Context(), &kinesis.IncreaseStreamRetentionPeriodInput{StreamName: aws.String("s"), RetentionPeriodHours: aws.Int32(48)})
	b.must(err)
	b.equal([]string{"c"}, texts(b.get(b.iterator("TRIM_HORIZON"), 10).Records)) // what has expired stays away
	b.clock.Advance(48*time.Hour - time.Millisecond)
	b.equal([]string{"c"}, texts(b.get(b.iterator("TRIM_HORIZON"), 10).Records))
	_, err = b.c.DecreaseStreamRetentionPeriod(b.Context(), &kinesis.DecreaseStreamRetentionPeriodInput{StreamName: aws.String("s"), RetentionPeriodHours: aws.Int32(24)})
	b.must(err)
	b.equal([]string{}, texts(b.get(b.iterator("TRIM_HORIZON"), 10).Records))
	_, err = b.c.DecreaseStreamRetentionPeriod(b.Context(), &kinesis.DecreaseStreamRetentionPeriodInput{StreamName: aws.String("s"), RetentionPeriodHours: aws.Int32(23)})
	b.fails(err, kinesisfake.InvalidArgument)
}

func TestMemoryStaysBelowItsBoundAndTheOldestGoFirst(t *testing.T) {
	b := serve(t, "its own", kinesisfake.Options{MaxStreamBytes: 100_000})
	b.s.CreateStream("s", 2)
	high := b.s.Shards("s")[1].HashKey
	b.s.Put("s", kinesisfake.Record{ExplicitHashKey: high, Data: []byte("oldest")})
	b.clock.Advance(time.Second)
	for range 100 {
		b.s.Put("s", kinesisfake.Record{ExplicitHashKey: "0", Data: make([]byte, 2048)})
	}
	if n := b.s.Stored("s"); n > 100_000 || n < 90_000 {
		t.Errorf("%d bytes are stored", n)
	}
	b.equal(0, b.s.Shards("s")[1].Records)
	b.equal(b.s.Shards("s")[0].Records, len(b.get(b.iterator("TRIM_HORIZON"), 1000).Records))
}

func TestAnIteratorOfADeletedStreamReadsNothingOfItsSuccessor(t *testing.T) {
	b := serve(t, api+"API_DeleteStream.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	i := b.iterator("TRIM_HORIZON")
	_, err := b.c.DeleteStream(b.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String("s")})
	b.must(err)
	_, err = b.c.GetRecords(b.Context(), &kinesis.GetRecordsInput{ShardIterator: &i})
	b.fails(err, kinesisfake.ResourceNotFound)
	b.s.CreateStream("s", 1)
	_, err = b.c.GetRecords(b.Context(), &kinesis.GetRecordsInput{ShardIterator: &i})
	b.fails(err, kinesisfake.ResourceNotFound)
}

func TestSequenceNumbersMayBeginAnewWithAStream(t *testing.T) {
	for _, anew := range []bool{false, true} {
		b := serve(t, api+"API_DeleteStream.html", kinesisfake.Options{NumbersAnew: anew})
		b.s.CreateStream("s", 1)
		old := b.s.PutTexts("s", "k", "a", "b")[1].SequenceNumber
		_, err := b.c.DeleteStream(b.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String("s")})
		b.must(err)
		b.clock.Advance(time.Hour)
		b.s.CreateStream("s", 1)
		number := b.s.PutTexts("s", "k", "c", "d", "e")[0].SequenceNumber
		if lower := number < old; lower != anew {
			t.Errorf("anew %v: %s came behind %s", anew, number, old)
		}
		if anew { // it is one of the new stream too
			b.equal([]string{"e"}, texts(b.get(b.iterator("AFTER_SEQUENCE_NUMBER", old), 10).Records))
		}
	}
}
