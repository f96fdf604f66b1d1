package kinesisio

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Times of a subscription.
const (
	silence = time.Minute           // without any event: the connection is taken to be dead; the service sends one every few seconds
	waited  = 50 * time.Millisecond // an event that we waited for so long was not on its way before
	onWay   = time.Second           // how long an event is on its way at most, unless others come right behind it
)

// subscribe reads a shard with enhanced fan-out: the service pushes events for five minutes, then
// the subscription begins anew.
type subscribe struct {
	reading
	stream *sdk.SubscribeToShardEventStream
	cancel context.CancelFunc
	after  string // continuation number of the last event
	begun  bool   // there was a subscription before
}

func newSubscribe(k *client, shard string, t *cursor, apart time.Duration) *subscribe {
	return &subscribe{reading: newReading(k, shard, t, apart)}
}

// close ends the subscription.
func (s *subscribe) close() {
	if s.stream == nil {
		return
	}
	s.cancel()
	_ = s.stream.Close() // it is read no more
	s.stream = nil
}

// next waits for an event.
func (s *subscribe) next(ctx context.Context) (fetchResult, error) {
	for {
		for s.stream == nil {
			if gone, err := s.begin(ctx); gone || err != nil {
				return fetchResult{end: gone, lost: gone}, err
			}
		}
		since, began := s.k.c.now(), time.Now()
		dead := time.NewTimer(silence)
		select {
		case <-ctx.Done():
			dead.Stop()
			return fetchResult{}, ctx.Err()
		case <-dead.C:
			s.close()
		case event, ok := <-s.stream.Events():
			dead.Stop()
			if e, is := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent); ok && is {
				return s.fetchResult(&e.Value, since, time.Since(began)), nil
			}
			if ok {
				continue // of a kind that there was none of when this was written
			}
			err := s.stream.Err()
			s.close()
			if code(err) == notFound {
				s.k.invalidate(s.t)
			}
			if err == nil || code(err) == notFound {
				continue // opening finds out what is gone
			}
			err = explain(s.retrier.stream, s.shard, "SubscribeToShard", err)
			if permanent(err) {
				return fetchResult{}, err
			}
			s.k.c.ctl.Retried(s.retrier.stream, s.shard, err, isThrottle(err))
		}
	}
}

// fetchResult returns what is in an event. We began to wait for it at since, and waited for a time.
func (s *subscribe) fetchResult(e *types.SubscribeToShardEvent, since time.Time, wait time.Duration) fetchResult {
	a := fetchResult{records: e.Records, behind: aws.ToInt64(e.MillisBehindLatest), children: idsOf(e.ChildShards), lost: s.lost}
	s.after = aws.ToString(e.ContinuationSequenceNumber)
	a.end = s.after == ""
	if ms, ok := s.k.serverTime(since); ok && wait >= waited { // an event has no time; one that was already there may be old
		a.asOf = ms - onWay.Milliseconds()
	}
	if len(a.records) > 0 || a.behind == 0 {
		s.lost = false
	}
	return a
}

// begin subscribes; gone: the shard is no longer there.
func (s *subscribe) begin(ctx context.Context) (gone bool, err error) {
	consumer, err := s.k.consumer(ctx, s.retrier)
	if err != nil {
		return false, err
	}
	expired, err := s.k.expired(ctx, s.t)
	if err != nil {
		return false, err
	}
	at := s.t.begin(expired)
	if s.after != "" && !expired && s.t.earlier == nil {
		at = beginning{kind: types.ShardIteratorTypeAfterSequenceNumber, sequence: aws.String(s.after)}
	}
	return s.open(ctx, at, func(at beginning) error { return s.call(ctx, consumer, at) })
}

// call begins a subscription.
func (s *subscribe) call(ctx context.Context, consumer string, at beginning) error {
	if s.begun {
		s.k.c.ctl.Resubscribed(s.retrier.stream, s.shard)
	}
	s.begun = true
	return s.retrier.try(ctx, "SubscribeToShard", func(within context.Context) error {
		lasting, cancel := context.WithCancel(ctx) // the subscription outlives the call
		late := context.AfterFunc(within, cancel)
		// A client of smithy-go 1.28 decodes the events of all its subscriptions in one buffer, so
		// each gets a client of its own.
		api := sdk.New(s.k.api.Options())
		sent := s.k.c.now()
		out, err := api.SubscribeToShard(lasting, &sdk.SubscribeToShardInput{
			ConsumerARN: aws.String(consumer), ShardId: aws.String(s.shard),
			StartingPosition: &types.StartingPosition{Type: at.kind, SequenceNumber: at.sequence, Timestamp: at.time},
		})
		if !late() && err == nil {
			_ = out.GetStream().Close() // too late
			err = within.Err()
		}
		if err != nil {
			cancel()
			return err
		}
		s.k.asOf(out.ResultMetadata, sent)
		s.stream, s.cancel = out.GetStream(), cancel
		return nil
	}, invalidArgument, notFound)
}

// consumer returns the ARN of the stream's consumer. It registers the consumer if there is none,
// and waits until it is active.
func (k *client) consumer(ctx context.Context, p retrier) (string, error) {
	k.joining.Lock() // one registers for all
	defer k.joining.Unlock()
	if k.consumerARN != "" {
		return k.consumerARN, nil
	}
	s, err := k.describe(ctx)
	if err != nil {
		return "", err
	}
	p.limit = nil
	for {
		out, err := answer(ctx, p, "DescribeStreamConsumer", func(ctx context.Context) (*sdk.DescribeStreamConsumerOutput, error) {
			return k.api.DescribeStreamConsumer(ctx, &sdk.DescribeStreamConsumerInput{StreamARN: aws.String(s.arn), ConsumerName: aws.String(k.stream.Consumer)})
		}, notFound)
		switch {
		case code(err) == notFound:
			_, err = answer(ctx, p, "RegisterStreamConsumer", func(ctx context.Context) (*sdk.RegisterStreamConsumerOutput, error) {
				return k.api.RegisterStreamConsumer(ctx, &sdk.RegisterStreamConsumerInput{StreamARN: aws.String(s.arn), ConsumerName: aws.String(k.stream.Consumer)})
			}, inUse)
			if err != nil && code(err) != inUse { // in use: another has just registered it
				return "", fmt.Errorf("%w; consumer %s is not registered", err, k.stream.Consumer)
			}
		case err != nil:
			return "", err
		case out.ConsumerDescription.ConsumerStatus == types.ConsumerStatusActive:
			k.consumerARN = aws.ToString(out.ConsumerDescription.ConsumerARN)
			return k.consumerARN, nil
		}
		if err := k.c.sleep(ctx, time.Second); err != nil {
			return "", err
		}
	}
}

// leave forgets the consumer, which is no longer there.
func (k *client) leave() {
	k.joining.Lock()
	defer k.joining.Unlock()
	k.consumerARN = ""
}
