package kinesisio

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// poll reads a shard with GetRecords.
type poll struct {
	reading
	iterator *string
	idle     bool // the last answer had nothing
	idleWait time.Duration
}

func newPoll(k *client, shard string, t *cursor, apart time.Duration) *poll {
	return &poll{
		reading:  newReading(k, shard, t, apart),
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
		for p.iterator == nil {
			if gone, err := p.begin(ctx); gone || err != nil {
				return fetchResult{end: gone, lost: gone}, err
			}
		}
		var sent time.Time
		out, err := answer(ctx, p.retrier, "GetRecords", func(ctx context.Context) (*sdk.GetRecordsOutput, error) {
			sent = p.k.c.now()
			return p.k.api.GetRecords(ctx, &sdk.GetRecordsInput{ShardIterator: p.iterator, StreamARN: p.k.arn()})
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
			records:  out.Records,
			behind:   aws.ToInt64(out.MillisBehindLatest),
			asOf:     p.k.asOf(out.ResultMetadata, sent),
			end:      aws.ToString(out.NextShardIterator) == "",
			children: idsOf(out.ChildShards),
			lost:     p.lost,
		}
		p.idle = len(a.records) == 0 && a.behind == 0
		if len(a.records) > 0 || p.idle {
			p.lost = false
		}
		return a, nil
	}
}

// begin gets an iterator at the position; gone: the shard is no longer there.
func (p *poll) begin(ctx context.Context) (gone bool, err error) {
	expired, err := p.k.expired(ctx, p.t)
	if err != nil {
		return false, err
	}
	return p.open(ctx, p.t.begin(expired), func(at beginning) error {
		return p.retrier.try(ctx, "GetShardIterator", func(ctx context.Context) error {
			sent := p.k.c.now()
			out, err := p.k.api.GetShardIterator(ctx, &sdk.GetShardIteratorInput{
				ShardId: aws.String(p.shard), StreamName: p.k.name(), StreamARN: p.k.arn(),
				ShardIteratorType: at.kind, StartingSequenceNumber: at.sequence, Timestamp: at.time,
			})
			if err != nil {
				return err
			}
			p.k.asOf(out.ResultMetadata, sent)
			p.iterator = out.ShardIterator
			return nil
		}, invalidArgument, notFound)
	})
}
