package kinesisio

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// fetcher gives what is in a shard, in order.
type fetcher interface {
	next(context.Context) (fetchResult, error) // waits for a while if there is nothing
	close()
}

// reading is what the fetchers have in common: the shard, and where in it they are.
type reading struct {
	k       *client
	retrier retrier
	shard   string
	t       *cursor
	lost    bool // it begins at the oldest record because the position is gone
}

// newReading returns the reading of a shard whose calls are so far apart at least.
func newReading(k *client, shard string, t *cursor, apart time.Duration) reading {
	return reading{k: k, shard: shard, t: t, retrier: retrier{c: k.c, stream: k.stream.ID(), shard: shard, limit: newLimiter(k.c, apart)}}
}

// open has a function begin at a position, or at the oldest record where the service does not know that
// position; gone: the shard is no longer there.
func (r *reading) open(ctx context.Context, at beginning, begin func(beginning) error) (gone bool, err error) {
	err = begin(at)
	if code(err) == invalidArgument && at.sequence != nil {
		r.lost = true
		err = begin(beginning{kind: types.ShardIteratorTypeTrimHorizon})
	}
	if code(err) == notFound {
		return r.missing(ctx)
	}
	return false, err
}

// missing tells whether a shard that was not found is gone. It fails if the whole stream is; if
// neither is, it waits a little.
func (r *reading) missing(ctx context.Context) (bool, error) {
	r.k.invalidate(r.t)
	l, err := answer(ctx, r.retrier, "ListShards", r.k.list)
	if err != nil {
		return false, err
	}
	if !slices.Contains(l.shards, r.shard) {
		return true, nil
	}
	r.k.leave()
	return false, r.k.c.sleep(ctx, time.Second)
}

// idsOf returns the IDs of the shards that go on where one ended.
func idsOf(children []types.ChildShard) (ids []string) {
	for _, c := range children {
		ids = append(ids, aws.ToString(c.ShardId))
	}
	return ids
}
