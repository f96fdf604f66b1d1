package kinesisfake_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"flexbeam/internal/testkit/kinesisfake"
)

// register registers a consumer of stream s.
func (b *bench) register() string {
	b.Helper()
	arn := b.s.ARN("s")
	out, err := b.c.RegisterStreamConsumer(b.Context(), &kinesis.RegisterStreamConsumerInput{StreamARN: &arn, ConsumerName: aws.String("reader")})
	b.must(err)
	return *out.Consumer.ConsumerARN
}

func (b *bench) subscribe(arn string, at types.StartingPosition) *kinesis.SubscribeToShardEventStream {
	b.Helper()
	c := b.s.Client() // one for each: subscriptions of one client share a decoder, which the race detector objects to
	out, err := c.SubscribeToShard(b.Context(), &kinesis.SubscribeToShardInput{ConsumerARN: &arn, ShardId: aws.String(first), StartingPosition: &at})
	b.must(err)
	s := out.GetStream()
	b.Cleanup(func() { s.Close() })
	return s
}

// next returns the next event that says something, nil at the end.
func (b *bench) next(s *kinesis.SubscribeToShardEventStream) *types.SubscribeToShardEvent {
	b.Helper()
	for e := range s.Events() {
		v := e.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value
		if len(v.Records)+len(v.ChildShards) > 0 {
			return &v
		}
	}
	return nil
}

var oldest = types.StartingPosition{Type: "TRIM_HORIZON"}

func TestASubscriptionReplaysPushesAndEndsWithTheShard(t *testing.T) {
	b := serve(t, api+"API_SubscribeToShard.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	b.s.PutTexts("s", "k", "a", "b")
	b.clock.Advance(time.Minute)
	s := b.subscribe(b.register(), oldest)
	e := b.next(s)
	b.equal([]string{"a", "b"}, texts(e.Records))
	b.equal(int64(0), *e.MillisBehindLatest)
	b.s.PutTexts("s", "k", "c")
	b.equal([]string{"c"}, texts(b.next(s).Records))
	b.s.Split("s", first)
	e = b.next(s)
	b.equal(2, len(e.ChildShards))
	if e.ContinuationSequenceNumber != nil {
		t.Error("the end has a continuation")
	}
	if b.next(s) != nil || s.Err() != nil {
		t.Errorf("the subscription goes on: %v", s.Err())
	}
}

func TestASubscriptionContinuesWhereTheLastEventEnded(t *testing.T) {
	b := serve(t, api+"API_SubscribeToShardEvent.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	b.s.PutTexts("s", "k", "a")
	arn := b.register()
	c := b.next(b.subscribe(arn, oldest)).ContinuationSequenceNumber
	b.s.PutTexts("s", "k", "b")
	for _, kind := range []types.ShardIteratorType{"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"} {
		e := b.next(b.subscribe(arn, types.StartingPosition{Type: kind, SequenceNumber: c}))
		b.equal([]string{"b"}, texts(e.Records))
	}
}

func TestAnIdleSubscriptionSaysHowFarItIs(t *testing.T) {
	b := serve(t, api+"API_SubscribeToShardEvent.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	s := b.subscribe(b.register(), types.StartingPosition{Type: "LATEST"})
	for range 3 {
		v := (<-s.Events()).(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value
		b.equal(0, len(v.Records))
		if v.ContinuationSequenceNumber == nil {
			t.Error("no continuation")
		}
		b.clock.Advance(5 * time.Second)
	}
}

func TestASubscriptionEndsAfterFiveMinutes(t *testing.T) {
	b := serve(t, api+"API_SubscribeToShard.html", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	s := b.subscribe(b.register(), oldest)
	b.clock.Advance(5 * time.Minute)
	if b.next(s) != nil || s.Err() != nil {
		t.Errorf("want a quiet end, got %v", s.Err())
	}
}

func TestALaterSubscriptionTakesOverAndAnEarlyOneIsRefused(t *testing.T) {
	b := serve(t, api+"API_SubscribeToShard.html", kinesisfake.Options{Limits: true})
	b.s.CreateStream("s", 1)
	arn := b.register()
	s := b.subscribe(arn, oldest)
	b.clock.Advance(4999 * time.Millisecond)
	_, err := b.s.Client().SubscribeToShard(b.Context(), &kinesis.SubscribeToShardInput{ConsumerARN: &arn, ShardId: aws.String(first), StartingPosition: &oldest})
	b.fails(err, kinesisfake.ResourceInUse)
	b.clock.Advance(time.Millisecond)
	b.subscribe(arn, oldest)
	if b.next(s) != nil {
		t.Error("the first subscription goes on")
	}
	b.fails(s.Err(), kinesisfake.ResourceInUse)
}

func TestCutSubscriptionsBreak(t *testing.T) {
	b := serve(t, "its own", kinesisfake.Options{})
	b.s.CreateStream("s", 1)
	arn := b.register()
	s := b.subscribe(arn, oldest)
	for b.s.Subscriptions() == 0 {
		time.Sleep(time.Millisecond)
	}
	b.equal(1, b.s.CutSubscriptions())
	if b.next(s) != nil {
		t.Error("the subscription goes on")
	}
	b.s.PutTexts("s", "k", "a")
	b.equal([]string{"a"}, texts(b.next(b.subscribe(arn, oldest)).Records))
}

func TestConsumersAreRegisteredListedAndDropped(t *testing.T) {
	b := serve(t, api+"API_RegisterStreamConsumer.html", kinesisfake.Options{ChangeTime: time.Second})
	b.s.CreateStream("s", 1)
	b.clock.Advance(time.Second)
	arn, stream := b.register(), b.s.ARN("s")
	_, err := b.c.RegisterStreamConsumer(b.Context(), &kinesis.RegisterStreamConsumerInput{StreamARN: &stream, ConsumerName: aws.String("reader")})
	b.fails(err, kinesisfake.ResourceInUse)
	_, err = b.c.SubscribeToShard(b.Context(), &kinesis.SubscribeToShardInput{ConsumerARN: &arn, ShardId: aws.String(first), StartingPosition: &oldest})
	b.fails(err, kinesisfake.ResourceInUse) // CREATING
	b.clock.Advance(time.Second)
	d, err := b.c.DescribeStreamConsumer(b.Context(), &kinesis.DescribeStreamConsumerInput{StreamARN: &stream, ConsumerName: aws.String("reader")})
	b.must(err)
	b.equal([]string{arn, "ACTIVE", stream}, []string{*d.ConsumerDescription.ConsumerARN, string(d.ConsumerDescription.ConsumerStatus), *d.ConsumerDescription.StreamARN})
	l, err := b.c.ListStreamConsumers(b.Context(), &kinesis.ListStreamConsumersInput{StreamARN: &stream})
	b.must(err)
	b.equal(1, len(l.Consumers))
	_, err = b.c.DeleteStream(b.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String("s")})
	b.fails(err, kinesisfake.ResourceInUse)
	_, err = b.c.DeregisterStreamConsumer(b.Context(), &kinesis.DeregisterStreamConsumerInput{ConsumerARN: &arn})
	b.must(err)
	b.clock.Advance(time.Second)
	_, err = b.c.DescribeStreamConsumer(b.Context(), &kinesis.DescribeStreamConsumerInput{ConsumerARN: &arn})
	b.fails(err, kinesisfake.ResourceNotFound)
}
