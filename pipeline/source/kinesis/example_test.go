package kinesis_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/debug"

	"flexbeam/pipeline/source/kinesis"
)

func ExampleRead() {
	streams, err := kinesis.ParseStreams("orders,returns?region=eu-west-1&start=latest")
	if err != nil {
		log.Fatal(err)
	}
	watch := kinesis.NewControl("orders")
	defer watch.Close()
	p, s := beam.NewPipelineWithRoot()
	batches := kinesis.Read(s, streams, kinesis.WithControl("orders"))
	debug.Print(s, batches)
	go func() {
		for range time.Tick(10 * time.Second) {
			for _, shard := range watch.Shards() {
				log.Printf("%s is %d ms behind", kinesis.Key(shard.Stream, shard.Shard), shard.BehindMS)
			}
		}
	}()
	if err := beamx.Run(context.Background(), p); err != nil {
		log.Fatal(err)
	}
}

func ExampleParseStreams() {
	streams, err := kinesis.ParseStreams("orders?region=us-east-1,orders?region=eu-west-1&start=at:2026-01-31T08:00:00Z")
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range streams {
		fmt.Println(s.ID(), s.Start)
	}
	// Output:
	// us-east-1/orders at:2026-01-31T08:00:00Z
	// eu-west-1/orders at:2026-01-31T08:00:00Z
}

func ExampleBatch_Records() {
	b := kinesis.Batch{Data: []byte("onetwo"), Ends: []int64{3, 6}, Sequences: []string{"17", "18.0"}}
	for i, record := range b.Records() {
		fmt.Printf("%s: %s\n", b.Sequences[i], record)
	}
	// Output:
	// 17: one
	// 18.0: two
}
