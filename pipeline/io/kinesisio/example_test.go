package kinesisio_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/debug"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/runners/prism"
)

func ExampleRead() {
	p, s := beam.NewPipelineWithRoot()
	records := kinesisio.Read(s, "orders",
		kinesisio.ReadRegion("eu-west-1"),
		kinesisio.ReadStart(kinesisio.Start{Latest: true}),
	)
	debug.Print(s, records)
	if err := beamx.Run(context.Background(), p); errors.Is(err, kinesisio.ErrNotFound) {
		log.Fatal("create the stream first")
	}
}

// saved are the positions of a job, as a program would keep them on disk, and the texts that it read.
var saved struct {
	sync.Mutex
	positions map[string]kinesisio.Position
	texts     chan string
}

func init() { beam.RegisterDoFn(&saveFn{}) }

// saveFn uses the records of a batch, and then saves where their shard goes on.
type saveFn struct{}

func (saveFn) ProcessElement(b kinesisio.Batch) {
	saved.Lock()
	defer saved.Unlock()
	for r := range b.All() {
		saved.texts <- string(r.Data)
	}
	saved.positions[b.Key()] = b.Position
}

// A job that is begun anew goes on behind the positions that the one before it has saved.
func ExampleReadPositions() {
	server := kinesisfake.New(kinesisfake.Options{})
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.CreateStream("orders", 1)
	saved.positions, saved.texts = map[string]kinesisio.Position{}, make(chan string, 10)
	for _, order := range []string{"first", "second"} {
		server.PutTexts("orders", "customer", order)
		p, s := beam.NewPipelineWithRoot()
		saved.Lock()
		batches := kinesisio.ReadBatches(s, "orders", kinesisio.ReadEndpoint(server.URL), kinesisio.ReadPositions(saved.positions))
		saved.Unlock()
		beam.ParDo0(s, &saveFn{}, batches)
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		done := make(chan error, 1)
		go func() { done <- prism.Run(ctx, p) }()
		fmt.Println(<-saved.texts)
		stop()
		<-done
	}
	// Output:
	// first
	// second
}

func ExampleBatch_Records() {
	b := kinesisio.Batch{Data: []byte("onetwo"), Ends: []int64{3, 6}, Sequences: []string{"17", "18.0"}}
	for i, record := range b.Records() {
		fmt.Printf("%s: %s\n", b.Sequences[i], record)
	}
	// Output:
	// 17: one
	// 18.0: two
}
