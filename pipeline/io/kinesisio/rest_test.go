package kinesisio

import (
	"testing"
	"time"

	"flexbeam/internal/testkit/kinesisfake"
)

// A runner that keeps something of each look for ever is to be given few of them: but not while there is
// something to read.
func TestAnIdleShardRestsAndABusyOneDoesNot(t *testing.T) {
	const rest = 5 * time.Second
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 1)
	r := newRunner(t, clock, []Stream{{Name: "s", Endpoint: f.URL}}, ReadRest(rest))
	defer r.close()
	if err := r.round(); err != nil {
		t.Fatal(err)
	}
	shard, listing := r.shards[0], r.streams[0]
	if shard.delay != resumeDelay {
		t.Errorf("a shard whose reading has just begun rests %v", shard.delay)
	}
	r.until("an idle shard", func() bool { return shard.delay == rest && listing.delay == rest })
	for i := range 3 {
		f.Put("s", kinesisfake.Record{PartitionKey: "k", Data: []byte{byte(i)}})
		r.until("a record", func() bool { return len(r.texts()) == i+1 })
		if shard.delay != resumeDelay {
			t.Errorf("behind record %d the shard rests %v", i, shard.delay)
		}
		r.until("an idle shard", func() bool { return shard.delay == rest })
	}
}
