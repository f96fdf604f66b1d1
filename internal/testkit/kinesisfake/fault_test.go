package kinesisfake_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"flexbeam/internal/testkit/kinesisfake"
)

// outcomes calls GetRecords n times and marks each failure with x.
func (b *bench) outcomes(n int) string {
	b.Helper()
	i := b.iterator("TRIM_HORIZON")
	s := ""
	for range n {
		if _, err := b.c.GetRecords(b.Context(), &kinesis.GetRecordsInput{ShardIterator: &i}); err != nil {
			s += "x"
		} else {
			s += "."
		}
	}
	return s
}

func TestFaultsStrikeTheCallsOfTheirSchedule(t *testing.T) {
	tests := []struct {
		name  string
		fault kinesisfake.Fault
		want  string
	}{
		{"all", kinesisfake.Fault{}, "xxxxxxxx"},
		{"the third", kinesisfake.Fault{Skip: 2, Count: 1}, "..x....."},
		{"each second, three times", kinesisfake.Fault{Every: 2, Count: 3}, "x.x.x..."},
		{"another operation", kinesisfake.Fault{Operation: "PutRecords"}, "........"},
		{"another stream", kinesisfake.Fault{Stream: "t"}, "........"},
		{"the shard", kinesisfake.Fault{Shard: first, Count: 1}, "x......."},
		{"another shard", kinesisfake.Fault{Shard: name(1)}, "........"},
		{"later", kinesisfake.Fault{From: noon.Add(time.Hour)}, "........"},
		{"until now", kinesisfake.Fault{Until: noon}, "........"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := serve(t, "its own", kinesisfake.Options{})
			b.s.CreateStream("s", 1)
			if tt.fault.Operation == "" {
				tt.fault.Operation = "GetRecords"
			}
			tt.fault.Error = kinesisfake.ThroughputExceeded
			f := b.s.Inject(tt.fault)
			b.equal(tt.want, b.outcomes(8))
			f.Remove()
			b.equal("..", b.outcomes(2))
			b.equal(10, b.s.Calls("GetRecords", "s", first))
		})
	}
}

func TestChanceIsTheSameInEveryRun(t *testing.T) {
	b := serve(t, "its own", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	run := func(seed uint64) string {
		f := b.s.Inject(kinesisfake.Fault{Operation: "GetRecords", Probability: 0.5, Seed: seed, Error: kinesisfake.InternalFailure})
		defer f.Remove()
		return b.outcomes(64)
	}
	b.equal(run(1), run(1))
	if run(1) == run(2) {
		t.Error("the seed changes nothing")
	}
}

func TestErrorsTravelWithTheirCodeAndStatus(t *testing.T) {
	b := serve(t, api+"CommonErrors.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	for code, status := range map[string]int{
		kinesisfake.ThroughputExceeded: http.StatusBadRequest,
		kinesisfake.LimitExceeded:      http.StatusBadRequest,
		kinesisfake.InternalFailure:    http.StatusInternalServerError,
		kinesisfake.ServiceUnavailable: http.StatusServiceUnavailable,
	} {
		f := b.s.Inject(kinesisfake.Fault{Error: code, Message: "so it is"})
		_, err := b.c.ListStreams(b.Context(), nil)
		f.Remove()
		b.fails(err, code)
		var api smithy.APIError
		var resp *smithyhttp.ResponseError
		if !errors.As(err, &api) || !errors.As(err, &resp) || api.ErrorMessage() != "so it is" || resp.HTTPStatusCode() != status {
			t.Errorf("%s: %v", code, err)
		}
	}
	f := b.s.Inject(kinesisfake.Fault{Error: kinesisfake.ThroughputExceeded})
	_, err := b.c.ListStreams(b.Context(), nil)
	f.Remove()
	var typed *types.ProvisionedThroughputExceededException
	if !errors.As(err, &typed) {
		t.Errorf("the client does not know the type of %v", err)
	}
}

func TestEntriesOfPutRecordsFailByThemselves(t *testing.T) {
	b := serve(t, api+"API_PutRecords.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	b.s.Inject(kinesisfake.Fault{Operation: kinesisfake.Entry, Skip: 1, Count: 2, Error: kinesisfake.ThroughputExceeded})
	out := b.put("s", "a", "b", "c", "d")
	b.equal(int32(2), *out.FailedRecordCount)
	for i, want := range []string{"", kinesisfake.ThroughputExceeded, kinesisfake.ThroughputExceeded, ""} {
		b.equal(want, aws.ToString(out.Records[i].ErrorCode))
		if (want == "") != (out.Records[i].SequenceNumber != nil) {
			t.Errorf("entry %d is %+v", i, out.Records[i])
		}
	}
	b.equal([]string{"a", "d"}, texts(b.get(b.iterator("TRIM_HORIZON"), 10).Records))
}

func TestALostReplyLeavesTheRecordsStored(t *testing.T) {
	b := serve(t, "its own", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	for _, tt := range []struct {
		fault kinesisfake.Fault
		want  int
	}{{kinesisfake.Fault{DropBefore: true}, 0}, {kinesisfake.Fault{DropAfter: true}, 1}} {
		f := b.s.Inject(tt.fault)
		_, err := b.c.PutRecord(b.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("k"), Data: []byte("x")})
		f.Remove()
		var api smithy.APIError
		if err == nil || errors.As(err, &api) {
			t.Errorf("want a broken connection, got %v", err)
		}
		b.equal(tt.want, b.s.Shards("s")[0].Records)
	}
}

func TestAHeldCallWaitsAndAppliesThen(t *testing.T) {
	b := serve(t, "its own", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	hold := make(chan struct{})
	f := b.s.Inject(kinesisfake.Fault{Operation: "PutRecords", Hold: hold})
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.put("s", "x")
	}()
	for f.Hits() == 0 {
		time.Sleep(time.Millisecond)
	}
	b.equal(0, b.s.Shards("s")[0].Records)
	close(hold)
	<-done
	b.equal(1, b.s.Shards("s")[0].Records)
}

func TestAnEmptyAnswerStaysBehind(t *testing.T) {
	b := serve(t, api+"API_GetRecords.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	b.s.PutTexts("s", "k", "a")
	b.clock.Advance(time.Minute)
	b.s.Inject(kinesisfake.Fault{Operation: "GetRecords", Empty: true, Count: 1})
	out := b.get(b.iterator("TRIM_HORIZON"), 10)
	b.equal([]string{}, texts(out.Records))
	b.equal(int64(60_000), *out.MillisBehindLatest)
	b.equal([]string{"a"}, texts(b.get(*out.NextShardIterator, 10).Records))
}

func TestLimitsAreThoseOfAShard(t *testing.T) {
	b := serve(t, dev+"service-sizes-and-limits.html", kinesisfake.Options{Limits: true})
	b.s.CreateStream("s", 1)
	b.equal(".....xx", b.outcomes(7))
	b.clock.Advance(time.Second)
	b.equal(".....x", b.outcomes(6))

	b.clock.Advance(time.Second)
	failed := 0
	for range 3 {
		failed += int(*b.put("s", make([]string, 400)...).FailedRecordCount)
	}
	b.equal(200, failed) // of 1200 records
	b.clock.Advance(time.Second)
	failed = 0
	for range 3 {
		failed += int(*b.put("s", string(make([]byte, 500<<10))).FailedRecordCount)
	}
	b.equal(1, failed) // of 1500 KiB

	b.clock.Advance(time.Second)
	mib := kinesisfake.Record{PartitionKey: "k", Data: make([]byte, 1<<20-1)}
	all := b.iterator("AT_SEQUENCE_NUMBER", b.s.Put("s", mib, mib, mib, mib, mib, mib, mib, mib, mib, mib)[0].SequenceNumber)
	i := b.iterator("AT_SEQUENCE_NUMBER", b.s.Put("s", kinesisfake.Record{Data: []byte("x")})[0].SequenceNumber)
	b.get(all, 10_000) // 10 MiB
	b.clock.Advance(4999 * time.Millisecond)
	_, err := b.c.GetRecords(b.Context(), &kinesis.GetRecordsInput{ShardIterator: &i})
	b.fails(err, kinesisfake.ThroughputExceeded)
	b.clock.Advance(time.Millisecond)
	b.get(i, 1)
}

func TestTheDateIsThatOfTheClockAndCallsAreSeen(t *testing.T) {
	var seen []kinesisfake.Call
	b := serve(t, "its own", kinesisfake.Options{OnCall: func(c kinesisfake.Call) { seen = append(seen, c) }})
	b.s.CreateStream("s", 1)
	b.put("s", "a")
	b.iterator("LATEST")
	b.equal([]kinesisfake.Call{
		{Operation: "PutRecords", Stream: "s", AccessKey: "fake", Time: noon},
		{Operation: "GetShardIterator", Stream: "s", Shard: first, AccessKey: "fake", Time: noon},
	}, seen)
	resp, err := http.Post(b.s.URL, "application/x-amz-json-1.1", nil)
	b.must(err)
	defer resp.Body.Close()
	b.equal("Mon, 02 Mar 2026 12:00:00 GMT", resp.Header.Get("Date"))
}
