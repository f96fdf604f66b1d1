package kinesisio

import (
	"testing"
	"time"

	"flexbeam/internal/testkit/kinesisfake"
)

func TestAShardIsAnsweredForByTheServiceAlone(t *testing.T) {
	for _, test := range []struct{ name, consumer, operation string }{{"polling", "", "GetRecords"}, {"fan-out", "beam", "SubscribeToShard"}} {
		t.Run(test.name, func(t *testing.T) {
			clock := kinesisfake.NewManualClock(epoch)
			f := newFake(t, kinesisfake.Options{Clock: clock})
			f.CreateStream("s", 1)
			hold := make(chan struct{})
			fault := f.Inject(kinesisfake.Fault{Operation: test.operation, Hold: hold})
			r := newRunner(t, clock, []Stream{{Name: "s", Endpoint: f.URL, Consumer: test.consumer}})
			defer r.close()
			answered := func() int64 {
				var last int64
				for _, s := range r.control.Shards() {
					last = s.Answered
				}
				return last
			}
			r.until("a call", func() bool { return fault.Hits() > 0 && len(r.batches) > 0 })
			if got := answered(); got != 0 {
				t.Errorf("answered at %d, and there was no answer", got)
			}
			fault.Remove()
			close(hold)
			for range 3 {
				clock.Advance(time.Minute)
				r.until("an answer that there is nothing", func() bool { return answered() == clock.Now().UnixMilli() })
			}
		})
	}
}
