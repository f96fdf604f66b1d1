package kinesisio

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go/middleware"
)

// answerTime is how long one call may take. Records of ten megabytes take seconds on a slow line.
const answerTime = 60 * time.Second

// client calls the service for one stream.
type client struct {
	c      *session
	stream Stream
	api    *sdk.Client

	asking sync.Mutex // held while the stream is described

	joining     sync.Mutex // held while the consumer is registered
	consumerARN string

	mu      sync.Mutex
	summary summary
	skew    time.Duration // how far the server's clock is ahead of ours, at least
	skewed  bool          // skew is known
}

// summary is what the service says about a stream.
type summary struct {
	arn       string
	retention time.Duration
	created   int64 // ms since 1970
	asked     time.Time
}

// dial makes a client.
func dial(ctx context.Context, c *session, s Stream) (*client, error) {
	api, err := s.Client(ctx, func(o *sdk.Options) {
		o.Retryer = aws.NopRetryer{} // each attempt passes through a retrier and its limit of calls
	})
	if err != nil {
		return nil, err
	}
	return &client{c: c, stream: s, api: api}, nil
}

// name returns the stream's name for a call: not given if there is an ARN.
func (k *client) name() *string {
	if k.stream.ARN != "" {
		return nil
	}
	return aws.String(k.stream.Name)
}

// arn returns the stream's ARN for a call: not given if there is only a name.
func (k *client) arn() *string {
	if k.stream.ARN == "" {
		return nil
	}
	return aws.String(k.stream.ARN)
}

// asOf returns a time in ms that the server's look at the stream for an answer was not before, from
// the answer's Date and how long the call took. It is never ahead of the server's clock.
func (k *client) asOf(m middleware.Metadata, sent time.Time) int64 {
	now := k.c.now()
	elapsed := max(0, now.Sub(sent))
	date, ok := awsmiddleware.GetServerTime(m)
	if !ok || date.IsZero() {
		date = sent // a server without Date: its clock is taken to be ours
	} else {
		date = date.Truncate(time.Second)
		k.mu.Lock()
		k.skew, k.skewed = date.Sub(now), true
		k.mu.Unlock()
	}
	return date.Add(-elapsed).UnixMilli()
}

// serverTime returns the server's time in ms when our clock showed t, or a little earlier; false if
// it is not known yet.
func (k *client) serverTime(t time.Time) (int64, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return t.Add(k.skew).UnixMilli(), k.skewed
}

// summaryAge is how long a summary is good for.
const summaryAge = time.Minute

// describe returns what the service says about the stream, however often it has to be asked. It
// asks again after a minute.
func (k *client) describe(ctx context.Context) (summary, error) {
	k.asking.Lock() // one asks for all
	defer k.asking.Unlock()
	k.mu.Lock()
	s := k.summary
	k.mu.Unlock()
	if !s.asked.IsZero() && k.c.now().Sub(s.asked) < summaryAge {
		return s, nil
	}
	return answer(ctx, retrier{c: k.c, stream: k.stream.ID()}, "DescribeStreamSummary", k.ask)
}

// ask asks the service about the stream, once.
func (k *client) ask(ctx context.Context) (summary, error) {
	sent := k.c.now()
	out, err := k.api.DescribeStreamSummary(ctx, &sdk.DescribeStreamSummaryInput{StreamName: k.name(), StreamARN: k.arn()})
	if err != nil {
		return summary{}, err
	}
	k.asOf(out.ResultMetadata, sent)
	d := out.StreamDescriptionSummary
	s := summary{
		arn:       aws.ToString(d.StreamARN),
		retention: time.Duration(aws.ToInt32(d.RetentionPeriodHours)) * time.Hour,
		asked:     sent,
	}
	if d.StreamCreationTimestamp != nil {
		s.created = d.StreamCreationTimestamp.UnixMilli()
	}
	k.mu.Lock()
	k.summary = s
	k.mu.Unlock()
	return s, nil
}

// invalidate forgets what is known of the stream when something of it was not found: it may have been
// made anew, and what a cursor stands at be of the one before.
func (k *client) invalidate(t *cursor) {
	t.checked = false
	k.mu.Lock()
	defer k.mu.Unlock()
	k.summary = summary{}
}

// leastRetention is the shortest time for which a stream keeps its records.
const leastRetention = 24 * time.Hour

// old tells whether a record that arrived at a time in ms may be gone.
func (k *client) old(ms int64) bool {
	now, _ := k.serverTime(k.c.now())
	return ms < now-leastRetention.Milliseconds()
}

// keptRange returns what is kept of the stream.
func (k *client) keptRange(ctx context.Context) (keptRange, error) {
	s, err := k.describe(ctx)
	if err != nil {
		return keptRange{}, err
	}
	now, _ := k.serverTime(k.c.now())
	return keptRange{from: now - s.retention.Milliseconds(), created: s.created}, nil
}

// expired tells whether the record that a cursor stands at may be gone. It first finds out whether
// that is a record of this stream at all.
func (k *client) expired(ctx context.Context, t *cursor) (bool, error) {
	if !t.checked && t.at.Sequence != "" {
		kept, err := k.keptRange(ctx)
		if err != nil {
			return false, err
		}
		t.check(kept)
	}
	if t.watermark == unknown || !k.old(t.watermark) {
		return false, nil
	}
	kept, err := k.keptRange(ctx)
	return t.watermark < kept.from, err
}

// listing is an answer to which shards a stream has.
type listing struct {
	shards []string // open and closed
	asOf   int64    // ms since 1970: every shard that was there then is listed
}

// list lists the shards of the stream, page by page.
func (k *client) list(ctx context.Context) (listing, error) {
	var l listing
	in := &sdk.ListShardsInput{StreamName: k.name(), StreamARN: k.arn()}
	for {
		sent := k.c.now()
		out, err := k.api.ListShards(ctx, in)
		if err != nil {
			return listing{}, err
		}
		if l.asOf == 0 { // a shard that comes while the pages are read may be missing
			l.asOf = k.asOf(out.ResultMetadata, sent)
		}
		for _, s := range out.Shards {
			l.shards = append(l.shards, aws.ToString(s.ShardId))
		}
		if aws.ToString(out.NextToken) == "" {
			return l, nil
		}
		in = &sdk.ListShardsInput{NextToken: out.NextToken, StreamARN: k.arn()}
	}
}
