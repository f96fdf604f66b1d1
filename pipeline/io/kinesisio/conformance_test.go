package kinesisio

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesistest"
)

// cannot says what the servers cannot show, by case.
var cannot = map[string]map[string]string{
	"kinesis-local": {
		"fan-out": "its SubscribeToShard lacks the first frame that the SDK waits for",
	},
	"ferrokinesis": {
		"behind": "its MillisBehindLatest is always 0",
		"starts": "its AT_TIMESTAMP behind the newest record begins at the oldest",
	},
}

// suite is what every server that speaks Kinesis must show of the source.
var suite = []struct {
	name string
	run  func(t *testing.T, s *kinesistest.Server)
}{
	{"every record comes once and in order", onceInOrder},
	{"splits and merges with a restart at each step", reshards},
	{"starts", starts},
	{"an idle shard's watermark goes on", idles},
	{"behind", behind},
	{"fan-out", fansOut},
}

func TestTheSourceReadsEveryServer(t *testing.T) {
	for name, start := range kinesistest.Chosen(t) {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			for _, c := range suite {
				if why := cannot[name][c.name]; why != "" {
					t.Logf("%s cannot show %q: %s", name, c.name, why)
					continue
				}
				t.Run(c.name, func(t *testing.T) { c.run(t, s) })
			}
		})
	}
}

// jobOn makes a runner of a job that reads a stream of a server, with more haste than AWS allows.
func jobOn(t *testing.T, s *kinesistest.Server, stream Stream, opts ...ReadOptionFn) *runner {
	t.Helper()
	stream.Endpoint, stream.Region = s.URL, kinesistest.Region
	r := newRunner(t, nil, []Stream{stream}, append([]ReadOptionFn{ReadPollInterval(20 * time.Millisecond), ReadSubscribeInterval(100 * time.Millisecond)}, opts...)...)
	r.session.pause = nil // real servers take real time
	t.Cleanup(r.close)
	return r
}

// put puts records into a stream, spread over its shards, and returns their texts.
func put(t *testing.T, s *kinesistest.Server, stream, name string, n int) (texts []string) {
	t.Helper()
	in := &sdk.PutRecordsInput{StreamName: &stream}
	for i := range n {
		text := fmt.Sprintf("%s %d", name, i)
		texts = append(texts, text)
		in.Records = append(in.Records, types.PutRecordsRequestEntry{Data: []byte(text), PartitionKey: aws.String(strconv.Itoa(i))})
	}
	out, err := s.Client().PutRecords(t.Context(), in)
	if err != nil || aws.ToInt32(out.FailedRecordCount) > 0 {
		t.Fatalf("put records: %v", err)
	}
	return texts
}

func onceInOrder(t *testing.T, s *kinesistest.Server) {
	stream := s.CreateStream(t, 3)
	r := jobOn(t, s, Stream{Name: stream})
	var want []string
	for i := range 3 {
		want = append(want, put(t, s, stream, fmt.Sprint("put ", i), 40)...)
		r.until("the records", func() bool { return len(r.texts()) >= len(want) })
	}
	packed := pack("user 1", "user 2")
	if _, err := s.Client().PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: &stream, Data: packed, PartitionKey: aws.String("k")}); err != nil {
		t.Fatal(err)
	}
	want = append(want, "user 1", "user 2")
	r.until("the packed records", func() bool { return len(r.texts()) >= len(want) })
	if diff := cmp.Diff(sorted(want), sorted(r.texts())); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	ordered(t, r.batches)
}

// ordered checks that the records of each shard are in order.
func ordered(t *testing.T, batches []Batch) {
	t.Helper()
	last := map[string]string{}
	for _, b := range batches {
		key := Key(b.Stream, b.Shard)
		for _, sequence := range b.Sequences {
			if last[key] != "" && compareSequences(sequence, last[key]) < 0 {
				t.Errorf("%s: %s came behind %s", key, sequence, last[key])
			}
			last[key] = sequence
		}
	}
}

func reshards(t *testing.T, s *kinesistest.Server) {
	stream := s.CreateStream(t, 1)
	c := s.Client()
	open := func() (shards []types.Shard) {
		out, err := c.ListShards(t.Context(), &sdk.ListShardsInput{StreamName: &stream})
		if err != nil {
			t.Fatal(err)
		}
		for _, sh := range out.Shards {
			if sh.SequenceNumberRange.EndingSequenceNumber == nil {
				shards = append(shards, sh)
			}
		}
		return shards
	}
	steps := []func() error{
		func() error {
			_, err := c.SplitShard(t.Context(), &sdk.SplitShardInput{
				StreamName: &stream, ShardToSplit: open()[0].ShardId, NewStartingHashKey: aws.String("170141183460469231731687303715884105728"),
			})
			return err
		},
		func() error { return nil },
		func() error {
			shards := open()
			_, err := c.MergeShards(t.Context(), &sdk.MergeShardsInput{
				StreamName: &stream, ShardToMerge: shards[0].ShardId, AdjacentShardToMerge: shards[1].ShardId,
			})
			return err
		},
		func() error { return nil },
	}
	var want []string
	var safe []Batch
	for i, step := range steps {
		r := jobOn(t, s, Stream{Name: stream}, ReadPositions(positions(safe)))
		want = append(want, put(t, s, stream, fmt.Sprint("before step ", i), 20)...)
		if i%2 == 0 { // some are read before the step, some not
			r.until("records before the step", func() bool { return len(texts(safe))+len(r.texts()) >= len(want)-10 })
		}
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		s.WaitActive(t, stream)
		want = append(want, put(t, s, stream, fmt.Sprint("after step ", i), 20)...)
		if i%2 == 1 {
			r.until("records after the step", func() bool { return len(texts(safe))+len(r.texts()) >= len(want)-10 })
		}
		r.close()
		safe = append(safe, r.batches...)
	}
	last := jobOn(t, s, Stream{Name: stream}, ReadPositions(positions(safe)))
	last.until("all records", func() bool { return len(texts(safe))+len(last.texts()) >= len(want) })
	last.until("the ends of the closed shards", func() bool {
		done := 0
		for _, p := range positions(append(safe[:len(safe):len(safe)], last.batches...)) {
			if p.Done {
				done++
			}
		}
		return done == 3
	})
	if diff := cmp.Diff(sorted(want), sorted(append(texts(safe), last.texts()...))); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func starts(t *testing.T, s *kinesistest.Server) {
	stream := s.CreateStream(t, 2)
	before := put(t, s, stream, "before", 10)
	time.Sleep(2100 * time.Millisecond) // servers stamp arrivals with whole seconds
	at := time.Now().Truncate(time.Second)
	middle := put(t, s, stream, "middle", 10)
	time.Sleep(2100 * time.Millisecond)
	jobs := map[string]*runner{
		"trim-horizon": jobOn(t, s, Stream{Name: stream}),
		"at":           jobOn(t, s, Stream{Name: stream, Start: Start{AtMS: at.UnixMilli()}}),
		"latest":       jobOn(t, s, Stream{Name: stream, Start: Start{Latest: true}}),
	}
	for _, r := range jobs {
		r.until("a position of each shard", func() bool { return len(positions(r.batches)) == 2 })
	}
	after := put(t, s, stream, "after", 10)
	for name, want := range map[string][]string{
		"trim-horizon": append(append(before, middle...), after...),
		"at":           append(middle, after...),
		"latest":       after,
	} {
		jobs[name].until("the records from "+name, func() bool { return len(jobs[name].texts()) >= len(want) })
		if diff := cmp.Diff(sorted(want), sorted(jobs[name].texts())); diff != "" {
			t.Errorf("records from %s (-want +got):\n%s", name, diff)
		}
	}
}

func idles(t *testing.T, s *kinesistest.Server) {
	stream := s.CreateStream(t, 2)
	r := jobOn(t, s, Stream{Name: stream})
	r.until("a watermark", func() bool { return len(r.shards) == 2 && r.shards[0].watermark != unknown })
	first := r.shards[0].watermark
	r.until("a later watermark", func() bool { return r.shards[0].watermark >= first+2000 })
	if now := time.Now().UnixMilli(); r.shards[0].watermark > now {
		t.Errorf("watermark %d is ahead of the time %d", r.shards[0].watermark, now)
	}
	texts := put(t, s, stream, "burst", 50)
	r.until("the burst", func() bool { return len(r.texts()) == len(texts) })
	for i, b := range r.batches {
		if b.Len() > 0 && r.times[i] > b.Arrivals[0] {
			t.Errorf("a batch whose first record arrived at %d has the time %d", b.Arrivals[0], r.times[i])
		}
	}
}

func behind(t *testing.T, s *kinesistest.Server) {
	stream := s.CreateStream(t, 1)
	put(t, s, stream, "record", 10)
	time.Sleep(50 * time.Millisecond)
	r := jobOn(t, s, Stream{Name: stream})
	r.until("the records", func() bool { return len(r.texts()) == 10 })
	r.until("an answer at the newest record", func() bool {
		status := r.control.Shards()
		return len(status) == 1 && status[0].BehindMS == 0 && status[0].Watermark != unknown
	})
}

func fansOut(t *testing.T, s *kinesistest.Server) {
	stream := s.CreateStream(t, 2)
	want := put(t, s, stream, "before", 20)
	r := jobOn(t, s, Stream{Name: stream, Consumer: "beam"})
	r.until("the records before", func() bool { return len(r.texts()) == 20 })
	want = append(want, put(t, s, stream, "after", 20)...)
	r.until("the records after", func() bool { return len(r.texts()) == 40 })
	r.close()
	want = append(want, put(t, s, stream, "while nobody reads", 20)...)
	next := jobOn(t, s, Stream{Name: stream, Consumer: "beam"}, ReadPositions(positions(r.batches)))
	next.until("the records that came while nobody read", func() bool { return len(next.texts()) == 20 })
	if diff := cmp.Diff(sorted(want), sorted(append(r.texts(), next.texts()...))); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
