package eventstreams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"flexbeam/internal/repeat"
)

// A Reader is the calls that Await needs. [*kinesis.Client] has them.
type Reader interface {
	ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
	GetShardIterator(context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error)
	GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error)
}

// How long a test event may take.
const (
	lookEvery  = time.Second     // at each shard
	sendEvery  = time.Minute     // another one, while none has come: a new role works after some seconds
	awaitAtAll = 5 * time.Minute // then it is over
)

// testEvent is the type of Twilio's test event. Its id is the account's SID.
const testEvent = "com.twilio.eventstreams.test-event"

var errNone = errors.New("none has come within 5 minutes: does the role trust Twilio with this external id, and may it write to this stream?")

// Await waits for a test event of an account that arrives in a stream behind the first send.
func Await(ctx context.Context, api Reader, stream, account string, send func() error) error {
	ctx, stop := context.WithTimeoutCause(ctx, awaitAtAll, errNone)
	defer stop()
	iterators, err := latest(ctx, api, stream)
	if err != nil {
		return cause(ctx, err)
	}
	var sent time.Time
	for {
		if time.Since(sent) >= sendEvery {
			if err := send(); err != nil {
				return cause(ctx, err)
			}
			sent = time.Now()
		}
		for i, iterator := range iterators {
			if iterator == nil {
				continue // the shard is over
			}
			out, err := api.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator, StreamARN: &stream})
			var busy *types.ProvisionedThroughputExceededException
			switch {
			case errors.As(err, &busy):
				continue
			case err != nil:
				return cause(ctx, fmt.Errorf("read the stream %s: %w", stream, err))
			}
			iterators[i] = out.NextShardIterator
			for _, r := range out.Records {
				if isTest(r.Data, account) {
					return nil
				}
			}
		}
		if err := repeat.Pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// cause returns why ctx ended, if it did, and else an error.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// latest returns iterators behind the newest record of each shard.
func latest(ctx context.Context, api Reader, stream string) (iterators []*string, err error) {
	in := &kinesis.ListShardsInput{StreamARN: &stream, ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}}
	for {
		shards, err := api.ListShards(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list the shards of %s: %w", stream, err)
		}
		for _, s := range shards.Shards {
			out, err := api.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamARN: &stream, ShardId: s.ShardId, ShardIteratorType: types.ShardIteratorTypeLatest})
			if err != nil {
				return nil, fmt.Errorf("read the shard %s of %s: %w", *s.ShardId, stream, err)
			}
			iterators = append(iterators, out.ShardIterator)
		}
		if shards.NextToken == nil {
			return iterators, nil
		}
		in = &kinesis.ListShardsInput{NextToken: shards.NextToken}
	}
}

// isTest tells whether a record is a test event of an account.
func isTest(record []byte, account string) bool {
	var e struct{ Type, ID string }
	return json.Unmarshal(record, &e) == nil && e.Type == testEvent && e.ID == account
}
