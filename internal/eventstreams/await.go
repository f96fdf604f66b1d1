package eventstreams

import (
	"cmp"
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

// How a test event is waited for.
const (
	lookEvery = time.Second // at each shard
	sendEvery = time.Minute // another one, while none has come: a new role works after some seconds

	// UsualWait is how long a test event may take.
	UsualWait = 5 * time.Minute
)

// A Wait waits for test events. Zero values mean the defaults.
type Wait struct {
	Within    time.Duration                    // default UsualWait
	Tell      func(format string, args ...any) // is told how it stands; nil: nobody is
	TellEvery time.Duration                    // default 15 s
}

// testEvent is the type of Twilio's test event. Its id is the account's SID.
const testEvent = "com.twilio.eventstreams.test-event"

// ErrNone says that no test event has come.
var ErrNone = errors.New("none has come")

// For waits for a test event of an account that arrives in a stream behind the first send. Errors wrap
// ErrNone if its time is over.
func (w Wait) For(ctx context.Context, api Reader, stream, account string, send func() error) error {
	within, tell := cmp.Or(w.Within, UsualWait), w.Tell
	if tell == nil {
		tell = func(string, ...any) { /* nobody wants to know */ }
	}
	none := fmt.Errorf("%w within %v: look whether the role trusts Twilio with this external id, and may write to this stream", ErrNone, within)
	ctx, stop := context.WithTimeoutCause(ctx, within, none)
	defer stop()
	iterators, err := latest(ctx, api, stream)
	if err != nil {
		return cause(ctx, err)
	}
	began := time.Now()
	var sent, told time.Time
	for {
		if time.Since(sent) >= sendEvery {
			if err := send(); err != nil {
				return cause(ctx, err)
			}
			sent, told = time.Now(), time.Now()
			tell("sent a test event, and waiting for it in the stream, up to %v", (within - sent.Sub(began)).Round(time.Second))
		} else if time.Since(told) >= cmp.Or(w.TellEvery, 15*time.Second) {
			told = time.Now()
			tell("no test event yet after %v", told.Sub(began).Round(time.Second))
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

// CanRead returns the error of AWS with which a test event could not be looked for.
func CanRead(ctx context.Context, api Reader, stream string) error {
	_, err := latest(ctx, api, stream)
	return err
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
