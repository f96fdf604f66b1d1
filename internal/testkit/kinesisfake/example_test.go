package kinesisfake_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"flexbeam/internal/testkit/kinesisfake"
)

// A server with a clock of the test, a stream, and a read that is throttled once.
func Example() {
	clock := kinesisfake.NewManualClock(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))
	s := kinesisfake.New(kinesisfake.Options{Clock: clock})
	if err := s.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.CreateStream("events", 1)
	s.PutTexts("events", "key", "first", "second")
	clock.Advance(time.Minute)

	s.Inject(kinesisfake.Fault{Operation: "GetRecords", Count: 1, Error: kinesisfake.ThroughputExceeded})
	ctx, c := context.Background(), s.Client()
	it, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName: aws.String("events"), ShardId: aws.String(s.Shards("events")[0].ID), ShardIteratorType: "TRIM_HORIZON",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		out, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator, Limit: aws.Int32(1)})
		if err != nil {
			fmt.Println("throttled")
			continue
		}
		fmt.Printf("%s, %d ms behind\n", out.Records[0].Data, *out.MillisBehindLatest)
	}
	// Output:
	// throttled
	// first, 60000 ms behind
}
