package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"flexbeam/internal/finding"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/schemas/event"
	"flexbeam/transforms/decode"
)

const (
	leastRetention = 48 * time.Hour // below it a weekend is too long
	goodRetention  = 168            // hours that are recommended

	looked      = time.Hour // of a shard, how far back records are looked at
	mostShards  = 8         // that records are looked at of
	mostRecords = 200       // of a shard
	mostLooks   = 3         // at a shard: an answer may be empty though there are records
)

var errNoStream = errors.New("it is not there")

// stream looks at a stream: whether it is there, keeps records for long enough, and can be read.
func (e *examination) stream(ctx context.Context, s kinesisio.Stream, r *result) {
	f := streamFacts{stream: s, open: map[string]bool{}, accounts: map[string]int{}}
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.streams = append(e.streams, f)
	}()
	api, err := s.Client(ctx, func(o *kinesis.Options) { o.RetryMaxAttempts = 2 })
	if err != nil {
		e.streamFails(ctx, s, r, err)
		return
	}
	name, arn := naming(s)
	out, err := api.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: name, StreamARN: arn})
	if err != nil {
		err = kinesisio.Explain(s, "DescribeStreamSummary", err)
		if f.missing = errors.Is(err, kinesisio.ErrNotFound); !f.missing { // where it may be is judged later
			e.streamFails(ctx, s, r, err)
		} else {
			r.skip(errNoStream)
		}
		return
	}
	d := out.StreamDescriptionSummary
	f.arn, f.retention = aws.ToString(d.StreamARN), time.Duration(aws.ToInt32(d.RetentionPeriodHours))*time.Hour
	if d.StreamStatus != types.StreamStatusActive && d.StreamStatus != types.StreamStatusUpdating {
		r.add(finding.Newf("stream-status", e.whereIs(s), "wait until it is ACTIVE: aws kinesis wait stream-exists --stream-name "+s.ID(), "it is %s", d.StreamStatus))
		return
	}
	if f.retention < leastRetention {
		r.add(finding.Newf("stream-retention", e.whereIs(s),
			"aws kinesis increase-stream-retention-period --stream-name "+nameOf(f.arn)+" --retention-period-hours "+strconv.Itoa(goodRetention),
			"it keeps records for %v", hours(f.retention)))
	}
	if err := e.sample(ctx, api, &f); kinesisio.Throttled(err) { // another consumer may take all reads
		r.skip(fmt.Errorf("its records: %w", err))
	} else if err != nil {
		e.streamFails(ctx, s, r, err)
		return
	}
	if seen := f.accounts[""]; seen > 0 && len(f.accounts) == 1 {
		r.add(finding.Newf("stream-records", e.whereIs(s), "is it the stream that Event Streams writes to? flexbeam setup --stream "+f.arn,
			"of %d records none is an event of TaskRouter", seen))
	}
}

// naming returns how a stream is named in calls.
func naming(s kinesisio.Stream) (name, arn *string) {
	if s.ARN != "" {
		return nil, &s.ARN
	}
	return &s.Name, nil
}

// nameOf returns the name of a stream that an ARN has.
func nameOf(arn string) string {
	_, name, _ := strings.Cut(arn, ":stream/")
	return name
}

// regionOf returns the region that an ARN has.
func regionOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 5); len(parts) == 5 {
		return parts[3]
	}
	return ""
}

// hours is a duration in whole hours.
func hours(d time.Duration) string { return strconv.Itoa(int(d.Hours())) + " hours" }

// whereIs is how a stream is named in findings.
func (e *examination) whereIs(s kinesisio.Stream) string { return "stream " + s.ID() }

// streamFails adds what an error means of making a client of a stream or of a call.
func (e *examination) streamFails(ctx context.Context, s kinesisio.Stream, r *result, err error) {
	add := func(name, fix string) {
		r.add(finding.New(name, e.whereIs(s), strings.TrimPrefix(err.Error(), "kinesis: stream "+s.ID()+": "), fix))
	}
	err = inTime(ctx, err, e.Timeout)
	switch {
	case errors.Is(err, kinesisio.ErrNoRegion):
		add("aws-region", "add it to the source: kinesis:"+s.ID()+"?region=eu-west-1; or export AWS_REGION=eu-west-1")
	case errors.Is(err, kinesisio.ErrNoCredentials):
		add("aws-credentials", "export AWS_PROFILE=…, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; on AWS give the machine a role")
	case errors.Is(err, kinesisio.ErrRole):
		add("aws-role", "let the trust policy of the role name these credentials and this external_id")
	case errors.Is(err, kinesisio.ErrCredentials):
		add("aws-credentials-refused", "renew the credentials: aws sts get-caller-identity tells whether AWS takes them")
	case errors.Is(err, kinesisio.ErrNotFound):
		add("stream-missing", "flexbeam setup --stream ARN, with that of a stream that is there: aws kinesis list-streams")
	case errors.Is(err, kinesisio.ErrAccess):
		add("stream-rights", "allow the call: docs/operations.md, Streams and permissions, has the policy")
	case errors.Is(err, kinesisio.ErrKey):
		add("stream-key", "allow kms:Decrypt with the key of the stream, and see that the key is enabled: aws kms describe-key")
	default:
		add("stream-unreachable", "look at the network, at a proxy or endpoint, and at the region")
	}
}

// sample reads some of the newest records of a stream, which also shows whether it can be read.
func (e *examination) sample(ctx context.Context, api *kinesis.Client, f *streamFacts) error {
	name, arn := naming(f.stream)
	in := &kinesis.ListShardsInput{StreamName: name, StreamARN: arn, ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}}
	for {
		out, err := api.ListShards(ctx, in)
		if err != nil {
			return kinesisio.Explain(f.stream, "ListShards", err)
		}
		for _, s := range out.Shards {
			f.open[aws.ToString(s.ShardId)] = true
		}
		if out.NextToken == nil {
			break
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken, StreamARN: arn}
	}
	shards := 0
	for id := range f.open {
		if shards++; shards > mostShards {
			break
		}
		if err := e.sampleShard(ctx, api, f, id); err != nil {
			return err
		}
	}
	return nil
}

func (e *examination) sampleShard(ctx context.Context, api *kinesis.Client, f *streamFacts, shard string) error {
	name, arn := naming(f.stream)
	from := e.Now().Add(-looked)
	it, err := api.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName: name, StreamARN: arn, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeAtTimestamp, Timestamp: &from,
	})
	if err != nil {
		return kinesisio.Explain(f.stream, "GetShardIterator", err)
	}
	next, limit := it.ShardIterator, int32(mostRecords)
	for n := 0; n < mostLooks && next != nil; n++ {
		out, err := api.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: next, StreamARN: arn, Limit: &limit})
		if err != nil {
			return kinesisio.Explain(f.stream, "GetRecords", err)
		}
		for _, record := range out.Records {
			count(record.Data, f.accounts)
		}
		if len(out.Records) > 0 || aws.ToInt64(out.MillisBehindLatest) == 0 {
			return nil
		}
		next = out.NextShardIterator
	}
	return nil
}

// packed are what records begin with that hold others: of the Kinesis Producer Library, gzip and zstd.
var packed = [][]byte{{0xf3, 0x89, 0x9a, 0xc2}, {0x1f, 0x8b}, {0x28, 0xb5, 0x2f, 0xfd}}

// count counts the events of a record by account, and under no account a record that has none. One
// that is packed is passed over.
func count(record []byte, accounts map[string]int) {
	if slices.ContainsFunc(packed, func(magic []byte) bool { return bytes.HasPrefix(record, magic) }) {
		return
	}
	v := &counter{accounts: accounts}
	decode.New().Line(record, v)
	if v.refused && !v.any {
		accounts[""]++
	}
}

// A counter is a decode.Visitor that counts events by account.
type counter struct {
	accounts     map[string]int
	any, refused bool
}

// Event implements decode.Visitor.
func (c *counter) Event(e *event.Event) {
	c.any = true
	c.accounts[strings.Clone(e.Text[event.AccountSID])]++
}

// Dropped implements decode.Visitor: a test event is none of TaskRouter, and no fault.
func (c *counter) Dropped() { c.any = true }

// Refused implements decode.Visitor.
func (c *counter) Refused(*decode.Error, []byte, decode.Spot) { c.refused = true }
