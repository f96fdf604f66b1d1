package kinesisio

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// fetcher gives what is in a shard, in order.
type fetcher interface {
	next(context.Context) (fetchResult, error) // waits for a while if there is nothing
	close()
}

// poll reads a shard with GetRecords.
type poll struct {
	k        *client
	retrier  retrier
	shard    string
	t        *cursor
	iterator *string
	lost     bool // the iterator begins at the oldest record because the position is gone
	idle     bool // the last answer had nothing
	idleWait time.Duration
}

func newPoll(k *client, shard string, t *cursor, apart time.Duration) *poll {
	return &poll{
		k:        k,
		shard:    shard,
		t:        t,
		retrier:  retrier{c: k.c, stream: k.stream.ID(), shard: shard, limit: newLimiter(k.c, apart)},
		idleWait: 2 * apart, // the limit's own wait goes by meanwhile, so half of its calls are made: others can read the shard too
	}
}

func (p *poll) close() {}

// next asks for records.
func (p *poll) next(ctx context.Context) (fetchResult, error) {
	if p.idle {
		if err := p.k.c.sleep(ctx, p.idleWait); err != nil {
			return fetchResult{}, err
		}
	}
	for {
		if p.iterator == nil {
			gone, err := p.open(ctx)
			if err != nil {
				return fetchResult{}, err
			}
			if gone {
				return fetchResult{end: true, lost: true}, nil
			}
			if p.iterator == nil {
				continue
			}
		}
		var out *sdk.GetRecordsOutput
		var sent time.Time
		err := p.retrier.try(ctx, "GetRecords", func(ctx context.Context) (err error) {
			sent = p.k.c.now()
			out, err = p.k.api.GetRecords(ctx, &sdk.GetRecordsInput{ShardIterator: p.iterator, StreamARN: p.k.arn()})
			return err
		}, expiredIterator, notFound)
		switch code(err) {
		case expiredIterator:
			p.k.c.ctl.Expired(p.retrier.stream, p.shard)
			p.iterator = nil
			continue
		case notFound:
			p.iterator = nil // opening finds out what is gone
			p.k.invalidate(p.t)
			continue
		}
		if err != nil {
			return fetchResult{}, err
		}
		p.iterator = out.NextShardIterator
		a := fetchResult{
			records: out.Records,
			behind:  aws.ToInt64(out.MillisBehindLatest),
			asOf:    p.k.asOf(out.ResultMetadata, sent),
			end:     aws.ToString(out.NextShardIterator) == "",
			lost:    p.lost,
		}
		for _, c := range out.ChildShards {
			a.children = append(a.children, aws.ToString(c.ShardId))
		}
		p.idle = len(a.records) == 0 && a.behind == 0
		if len(a.records) > 0 || p.idle {
			p.lost = false
		}
		return a, nil
	}
}

// open gets an iterator at the position; gone: the shard is no longer there.
func (p *poll) open(ctx context.Context) (gone bool, err error) {
	expired, err := p.k.expired(ctx, p.t)
	if err != nil {
		return false, err
	}
	b := p.t.begin(expired)
	in := &sdk.GetShardIteratorInput{
		ShardId: aws.String(p.shard), StreamName: p.k.name(), StreamARN: p.k.arn(),
		ShardIteratorType: b.kind, StartingSequenceNumber: b.sequence, Timestamp: b.time,
	}
	err = p.get(ctx, in)
	if code(err) == invalidArgument && b.sequence != nil {
		p.lost = true
		in.ShardIteratorType, in.StartingSequenceNumber = types.ShardIteratorTypeTrimHorizon, nil
		err = p.get(ctx, in)
	}
	if code(err) == notFound {
		return p.k.missing(ctx, p.retrier, p.shard, p.t)
	}
	return false, err
}

// get gets an iterator.
func (p *poll) get(ctx context.Context, in *sdk.GetShardIteratorInput) error {
	return p.retrier.try(ctx, "GetShardIterator", func(ctx context.Context) error {
		sent := p.k.c.now()
		out, err := p.k.api.GetShardIterator(ctx, in)
		if err != nil {
			return err
		}
		p.k.asOf(out.ResultMetadata, sent)
		p.iterator = out.ShardIterator
		return nil
	}, invalidArgument, notFound)
}

// missing tells whether a shard that was not found is gone. It fails if the whole stream is; if
// neither is, it waits a little.
func (k *client) missing(ctx context.Context, p retrier, shard string, t *cursor) (bool, error) {
	k.invalidate(t)
	var l listing
	if err := p.try(ctx, "ListShards", func(ctx context.Context) (err error) {
		l, err = k.list(ctx)
		return err
	}); err != nil {
		return false, err
	}
	if !slices.Contains(l.shards, shard) {
		return true, nil
	}
	k.leave()
	return false, k.c.sleep(ctx, time.Second)
}
