package kinesisio

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
)

func TestAStormOfThrottlingDelaysAndLosesNothing(t *testing.T) {
	for _, code := range []string{"ProvisionedThroughputExceededException", "LimitExceededException", "KMSThrottlingException", "InternalFailureException"} {
		t.Run(code, func(t *testing.T) {
			f := newFake(t, kinesisfake.Options{})
			f.CreateStream("s", 2)
			var want []string
			for i := range 50 {
				want = append(want, fmt.Sprint("record ", i))
				f.PutTexts("s", fmt.Sprint(i), want[i])
			}
			storm := f.Inject(kinesisfake.Fault{Error: code, Count: 40, Probability: 0.8})
			r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL}})
			defer r.close()
			counted := func() int64 { n := r.control.Counts(); return n.Throttled + n.Retried }
			r.until("all records and the end of the storm", func() bool { return len(r.texts()) >= 50 && storm.Hits() == 40 && counted() >= 40 })
			if diff := cmp.Diff(sorted(want), sorted(r.texts())); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			n := r.control.Counts()
			if n.Throttled+n.Retried != 40 || (n.Throttled > 0) == (code == "InternalFailureException") {
				t.Errorf("counted %+v of 40 errors", n)
			}
		})
	}
}

func TestAnExpiredIteratorIsRenewedBehindTheLastRecord(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 1)
	r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprint(i))
		f.PutTexts("s", "k", want[i])
		r.until("the record", func() bool { return len(r.texts()) > i })
		f.ExpireIterators()
		r.until("a renewal", func() bool { return r.control.Counts().Expired > int64(i) })
	}
	if diff := cmp.Diff(want, r.texts()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestErrorsThatStaySayWhatToDo(t *testing.T) {
	tests := []struct {
		name  string
		fault kinesisfake.Fault
		s     Stream
		want  []string
	}{
		{name: "no such stream", s: Stream{Name: "other"}, want: []string{"stream other", "ListShards", "is there a stream of this name"}},
		{name: "a start in the future", s: Stream{Name: "s", Start: Start{AtMS: 4070908800000}}, want: []string{"stream s", "option start", "at:2099-", "future", "latest"}},
		{
			name:  "listing is not allowed",
			fault: kinesisfake.Fault{Operation: "ListShards", Error: "AccessDeniedException"},
			s:     Stream{Name: "s"}, want: []string{"stream s", "allow kinesis:ListShards", "role_arn"},
		},
		{
			name:  "reading is not allowed",
			fault: kinesisfake.Fault{Operation: "GetRecords", Error: "AccessDeniedException"},
			s:     Stream{Name: "s"}, want: []string{"shard shardId-", "allow kinesis:GetRecords"},
		},
		{
			name:  "subscribing is not allowed",
			fault: kinesisfake.Fault{Operation: "SubscribeToShard", Error: "AccessDeniedException"},
			s:     Stream{Name: "s", Consumer: "beam"}, want: []string{"allow kinesis:SubscribeToShard"},
		},
		{
			name:  "credentials that are not valid",
			fault: kinesisfake.Fault{Error: "UnrecognizedClientException"},
			s:     Stream{Name: "s"}, want: []string{"the credentials are not valid"},
		},
		{
			name:  "the key may not be used",
			fault: kinesisfake.Fault{Operation: "GetRecords", Error: "KMSAccessDeniedException"},
			s:     Stream{Name: "s"}, want: []string{"kms:Decrypt"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t, kinesisfake.Options{})
			f.CreateStream("s", 1)
			if test.fault.Error != "" {
				f.Inject(test.fault)
			}
			test.s.Endpoint = f.URL
			r := newRunner(t, nil, []Stream{test.s})
			defer r.close()
			err := r.failure()
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q: want it to say %q", err, want)
				}
			}
			if !strings.HasPrefix(err.Error(), "kinesis: ") {
				t.Errorf("error %q does not say where it comes from", err)
			}
		})
	}
}

func TestWithoutCredentialsTheJobFailsAtOnce(t *testing.T) {
	bare(t)
	r := newRunner(t, nil, []Stream{{Name: "s", Region: "us-east-1"}})
	defer r.close()
	err := r.failure()
	if want := "no AWS credentials: set AWS_PROFILE"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q: want it to say %q", err, want)
	}
}

func TestAShardIsPolledNoMoreOftenThanTheServiceAllows(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	c := newTestSession(&uncontrolled{}, clock)
	c.pause = func(_ context.Context, d time.Duration) error {
		clock.Advance(max(0, d))
		return nil
	}
	l := newLimiter(c, defaultPollInterval)
	var calls []time.Time
	for i := range 100 {
		if err := l.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, clock.Now())
		clock.Advance(time.Duration(i*37%301) * time.Millisecond) // what a call takes
	}
	for i := range calls[5:] {
		if d := calls[i+5].Sub(calls[i]); d < time.Second {
			t.Fatalf("calls %d to %d were made within %v", i, i+5, d)
		}
	}
}

func TestAnIdleShardIsPolledHalfAsOftenAsTheServiceAllows(t *testing.T) {
	clock := kinesisfake.NewManualClock(epoch)
	f := newFake(t, kinesisfake.Options{Clock: clock})
	f.CreateStream("s", 1)
	c := newTestSession(&uncontrolled{}, clock)
	c.pause = func(_ context.Context, d time.Duration) error {
		clock.Advance(max(0, d))
		return nil
	}
	k, err := dial(t.Context(), c, Stream{Name: "s", Endpoint: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	shard := f.Shards("s")[0].ID
	p := newPoll(k, shard, newCursor(Position{}), defaultPollInterval)
	for clock.Now().Sub(epoch) < 10*time.Second {
		if a, err := p.next(t.Context()); err != nil || len(a.records) > 0 {
			t.Fatalf("%d records of an empty shard, %v", len(a.records), err)
		}
	}
	if n := f.Calls("GetRecords", "s", shard); n < 20 || n > 26 { // half of five in a second
		t.Errorf("%d calls in 10 seconds, want 25 or so", n)
	}
}

func TestNobodyWaitsForAStreamThatCannotBeListed(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("bad", 1)
	f.CreateStream("good", 1)
	f.PutTexts("good", "k", "record")
	bad := f.Inject(kinesisfake.Fault{Operation: "ListShards", Stream: "bad", Error: "InternalFailureException"})
	r := newRunner(t, nil, []Stream{{Name: "bad", Endpoint: f.URL}, {Name: "good", Endpoint: f.URL}})
	defer r.close()
	r.until("the record", func() bool { return slices.Contains(r.texts(), "record") && bad.Hits() > 3 })
	for _, e := range r.shards {
		if e.watermark != unknown {
			t.Errorf("watermark %d: want none, as the shards of a stream are not known", e.watermark)
		}
	}
	bad.Remove()
	r.until("a watermark", func() bool { return r.shards[0].watermark != unknown })
}
