package send

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/simulate"
)

func TestEveryRecordArrivesOverTheWire(t *testing.T) {
	const lost = "a reply is lost"
	tests := []struct {
		name  string
		fault kinesisfake.Fault
	}{
		{"nothing happens", kinesisfake.Fault{Operation: "GetRecords", Error: kinesisfake.InternalFailure}},
		{"entries are throttled", kinesisfake.Fault{Operation: kinesisfake.Entry, Error: kinesisfake.ThroughputExceeded, Every: 7, Count: 800}},
		{"entries fail", kinesisfake.Fault{Operation: kinesisfake.Entry, Error: kinesisfake.InternalFailure, Probability: 0.3, Seed: 4}},
		{"calls are throttled", kinesisfake.Fault{Operation: "PutRecords", Error: kinesisfake.LimitExceeded, Count: 5}},
		{"the service is ill", kinesisfake.Fault{Operation: "PutRecords", Error: kinesisfake.InternalFailure, Skip: 2, Count: 5}},
		{"connections break", kinesisfake.Fault{Operation: "PutRecords", DropBefore: true, Every: 3, Count: 4}},
		{lost, kinesisfake.Fault{Operation: "PutRecords", DropAfter: true, Every: 3, Count: 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := kinesisfake.New(kinesisfake.Options{})
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			server.CreateStream("demo", 4)
			injection := server.Inject(tt.fault)
			client, err := Open(context.Background(), kinesisio.Stream{Name: "demo", Endpoint: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			c := simulate.DefaultConfig()
			c.Events, c.Form = 3000, simulate.String
			want := map[string]int{}
			if _, err := simulate.Each(context.Background(), c, func(r simulate.Record) error {
				want[string(r.Text)] = 1
				return nil
			}); err != nil {
				t.Fatal(err)
			}

			sum, err := New(client, "demo", Options{}).Send(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			entries := 0
			for _, shard := range server.Shards("demo") {
				for _, r := range server.Records("demo", shard.ID) {
					got[string(r.Data)]++
					entries++
				}
			}
			if tt.name == lost {
				for text := range got {
					got[text] = 1
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-drawn +arrived):\n%.2000s", diff)
			}
			if retried := injection.Hits() > 0; sum.Sent != 3000 || retried != (sum.Retries > 0) || entries > 3000+int(sum.Retries) {
				t.Errorf("%d faults, %d in the stream: %+v", injection.Hits(), entries, sum)
			}
			if n := server.Calls("PutRecords", "demo", ""); sum.Calls != int64(n) {
				t.Errorf("%d calls arrived, %d are counted", n, sum.Calls)
			}
		})
	}
}
