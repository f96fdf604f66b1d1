package kinesisio

import (
	"errors"
	"testing"
	"time"

	"flexbeam/internal/testkit/golden"
)

// What a runner has stored of a job is read by the job that takes its place.
func TestElementsAndRestrictionsAreEncodedAsTheyWere(t *testing.T) {
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	at := Position{Sequence: "49590338271490256608559692538361571095921575989136588898", Sub: 2, UpTo: 1_772_438_400_123}
	stream := Stream{
		Name: "flex-events", Region: "eu-west-1", Endpoint: "http://localhost:4567", RoleARN: "arn:aws:iam::123456789012:role/reader",
		ExternalID: "an id", Consumer: "reader", Start: Start{AtMS: 1_772_438_400_000}, As: "eu-west-1/flex-events",
	}
	golden.Encodings(t,
		golden.Encoding{Name: "stream", Bytes: must(encodeStream(stream))},
		golden.Encoding{Name: "shard", Bytes: must(encodeShard(shard{Stream: stream, ID: "shardId-000000000001", From: at, Gone: true}))},
		golden.Encoding{Name: "known", Bytes: must(encodeKnown(known{Shards: []string{"shardId-000000000001"}, UpTo: 7, End: true}))},
		golden.Encoding{Name: "known-none", Bytes: must(encodeKnown(known{}))},
		golden.Encoding{Name: "progress", Bytes: must(encodeProgress(progress{At: at, BehindMS: 5, Bundle: 6, End: true}))},
		golden.Encoding{Name: "batch", Bytes: encodeBatch(Batch{
			Stream: "s", Shard: "shard", Data: []byte("onetwo"), Ends: []int64{3, 6}, Sequences: []string{"7", "8.0"},
			PartitionKeys: []string{"a", ""}, Arrivals: []int64{5, -6}, Position: at, BehindMS: 10, GapFrom: 11, GapTo: 12, Watermark: unknown,
		})},
		golden.Encoding{Name: "record", Bytes: encodeRecord(Record{
			Stream: "s", Shard: "shard", SequenceNumber: "7", SubSequence: 3, PartitionKey: "key",
			ApproximateArrival: time.UnixMilli(1234).UTC(), Data: []byte("data"),
		})},
	)
}

func TestAnotherFormIsAnErrorThatSaysSo(t *testing.T) {
	other := []byte{form + 1, '{', '}'}
	for name, err := range map[string]error{
		"stream": second(decodeStream(other)), "shard": second(decodeShard(other)), "known": second(decodeKnown(other)),
		"progress": second(decodeProgress(other)), "batch": second(decodeBatch(other)), "record": second(decodeRecord(other)),
	} {
		if !errors.Is(err, errForm) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, err := range map[string]error{"stream": second(decodeStream(nil)), "progress": second(decodeProgress([]byte{form, '{'}))} {
		if err == nil || errors.Is(err, errForm) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
