package kinesisio

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	arnA = "arn:aws:kinesis:eu-west-1:111111111111:stream/orders"
	role = "arn:aws:iam::222222222222:role/reader+1"
)

func TestAStreamThatIsNotValidIsRefused(t *testing.T) {
	tests := []struct {
		s    Stream
		want string
	}{
		{Stream{}, "the name is missing"},
		{Stream{Name: "a b"}, `"a b": a name has letters, digits`},
		{Stream{ARN: "arn:aws:sqs:eu-west-1:1:q"}, "want an ARN like"},
		{Stream{ARN: arnA, Region: "us-east-1"}, "the ARN has another"},
		{Stream{Name: "s", Endpoint: "localhost:4567"}, "want a URL like"},
		{Stream{Name: "s", RoleARN: "reader"}, "arn:aws:iam"},
		{Stream{Name: "s", ExternalID: "x"}, "needs role_arn"},
		{Stream{Name: "s", Consumer: "a b"}, "letters, digits"},
	}
	for _, test := range tests {
		err := test.s.Check()
		if !errors.Is(err, ErrStream) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.s, err, test.want)
		}
	}
}

func TestElementsAndRestrictionsComeOutOfTheirCodersAsTheyWere(t *testing.T) {
	check := func(want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	record := Record{
		Stream: "s", Shard: "shard", SequenceNumber: "7", SubSequence: 3, PartitionKey: "key",
		ApproximateArrival: time.UnixMilli(1234).UTC(), Data: []byte("data"),
	}
	batch := Batch{
		Stream: "s", Shard: "shard", Data: []byte("onetwo"), Ends: []int64{3, 6}, Sequences: []string{"7", "8.0"},
		PartitionKeys: []string{"a", ""}, Arrivals: []int64{5, -6}, Position: Position{Sequence: "8", Sub: 1, UpTo: 9, Done: true},
		BehindMS: 10, GapFrom: 11, GapTo: 12, Watermark: unknown,
	}
	check(record, coded(t, record))
	check(batch, coded(t, batch))
	check(Batch{Stream: "s"}, coded(t, Batch{Stream: "s"}))
	p := progress{At: batch.Position, BehindMS: 5, Bundle: 6, End: true}
	check(p, coded(t, p))
	k := known{Shards: []string{"a"}, UpTo: 7}
	check(k, coded(t, k))
	sh := shard{Stream: Stream{Name: "s", Start: Start{Latest: true}}, ID: "shard", From: batch.Position, Gone: true}
	check(sh, coded(t, sh))
	for _, b := range [][]byte{nil, {2}, {form}, encodeBatch(batch)[:20], encodeBatch(batch)[:len(encodeBatch(batch))-1]} {
		if _, err := decodeBatch(b); err == nil {
			t.Errorf("a batch of %d bytes is decoded", len(b))
		}
	}
	if _, err := decodeRecord([]byte{form, 9}); err == nil {
		t.Error("a record that is cut is decoded")
	}
}

func TestTheSizeOfARestrictionIsTheLagInSeconds(t *testing.T) {
	fn := &readFn{}
	for p, want := range map[progress]float64{{}: 1, {BehindMS: 90_000}: 91, {BehindMS: 90_000, End: true}: 0} {
		if got := fn.RestrictionSize(shard{}, p); got != want {
			t.Errorf("%+v: %v, want %v", p, got, want)
		}
	}
}

func TestAStartIsReadAsItIsWritten(t *testing.T) {
	for _, s := range []Start{{}, {Latest: true}, {AtMS: 1767319445000}, {AtMS: 1767319445123}} {
		got, err := ParseStart(s.String())
		if err != nil || got != s {
			t.Errorf("%v: read as %v, %v", s, got, err)
		}
	}
}

func TestAKeyNamesItsShard(t *testing.T) {
	for _, stream := range []string{"s", "eu-west-1/s", arnA} {
		if s, shard := splitKey(Key(stream, "shardId-000000000001")); s != stream || shard != "shardId-000000000001" {
			t.Errorf("key of %s: read as %s, %s", stream, s, shard)
		}
	}
}
