package kinesisio

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// unknown is the watermark of a shard of which nothing is known yet.
const unknown = int64(mtime.MinTimestamp)

// fetchResult is what one call, or one event of a subscription, gave.
type fetchResult struct {
	records  []types.Record
	behind   int64    // MillisBehindLatest
	asOf     int64    // ms since 1970: without records and not behind, all that arrived before was read; 0: not known
	end      bool     // the shard is closed and this was its end
	children []string // shards that go on where this one ended
	lost     bool     // the position is no longer there: the reading began at the oldest record instead
}

// chunk is what a fetchResult added, as a batch whose stream and shard are not set.
type chunk struct {
	Batch
	low      int64 // ms since 1970: what arrived before lies before the chunk
	children []string
	fit      int64 // bytes of the budget that it needs
}

// cursor follows the reading of a shard: it knows what was read and what to expect.
type cursor struct {
	at        Position
	watermark int64
	seen      bool      // a record was read that lies directly behind at, or before it: nothing is missing between
	checked   bool      // at is of the stream that there is
	earlier   *Position // at as it was in an earlier stream of the same name, until the gap behind it is told of
}

func newCursor(at Position) *cursor {
	t := &cursor{at: at, watermark: unknown}
	if at.UpTo > 0 {
		t.watermark = at.UpTo
	}
	return t
}

// keptRange is what is kept of a stream.
type keptRange struct {
	from    int64 // ms since 1970: the arrival of the oldest record that is surely kept
	created int64 // ms since 1970: of the stream
}

// retention knows what is kept of a stream.
type retention interface {
	old(ms int64) bool // whether a record that arrived then may be gone
	keptRange(context.Context) (keptRange, error)
}

// beginning is where the service is asked to begin.
type beginning struct {
	kind     types.ShardIteratorType
	sequence *string
	time     *time.Time
}

// check finds out whether the cursor stands at a record of an earlier stream. Then it goes on at the
// oldest record of this one, which may have a lower number.
func (t *cursor) check(kept keptRange) {
	t.checked = true
	if t.at.Sequence != "" && t.at.outlived(kept.created) {
		at := t.at
		t.earlier, t.at.Sequence, t.at.Sub = &at, "", 0
	}
}

// begin returns where to go on. A record that may be gone is looked for from the oldest one on;
// what comes before it is left out by add.
func (t *cursor) begin(expired bool) beginning {
	switch {
	case t.earlier != nil, t.at.Sequence == "" && t.at.UpTo == 0, t.at.Sequence != "" && expired:
		return beginning{kind: types.ShardIteratorTypeTrimHorizon}
	case t.at.Sequence == "":
		return beginning{kind: types.ShardIteratorTypeAtTimestamp, time: aws.Time(time.UnixMilli(t.at.UpTo))}
	case t.at.Sub > 0:
		return beginning{kind: types.ShardIteratorTypeAtSequenceNumber, sequence: aws.String(t.at.Sequence)}
	}
	return beginning{kind: types.ShardIteratorTypeAfterSequenceNumber, sequence: aws.String(t.at.Sequence)}
}

// add follows an answer. What was handed on before is left out.
func (t *cursor) add(ctx context.Context, a fetchResult, h retention) (chunk, error) {
	c := newChunk(a, t.watermark)
	read := t.at.Sequence != "" || t.earlier != nil
	first := t.records(&c, a)
	current := first == unknown && a.behind == 0
	if first != unknown || current || a.end { // it is known what comes next
		if err := t.gap(ctx, &c, a, first, read, h); err != nil {
			return chunk{}, err
		}
	}
	if current && a.asOf > 0 && !a.end {
		t.watermark = max(t.watermark, a.asOf)
	}
	switch {
	case t.watermark == unknown:
	case a.end && a.lost && first == unknown: // the shard is gone; a stream that is made anew may have another of its ID, all of which is to be read
	default:
		upTo := t.watermark
		if t.at.Sequence == "" { // the reading may begin anew at this time, by the clock that stamps arrivals
			upTo -= clockDistance
		}
		t.at.UpTo = max(t.at.UpTo, upTo)
	}
	t.at.Done = a.end
	c.Position, c.Watermark = t.at, t.watermark
	if t.earlier != nil {
		c.Position = *t.earlier
	}
	if first != unknown {
		c.low = max(c.low, min(first, t.watermark))
	}
	c.fit = int64(len(c.Data)) + 112*int64(len(c.Ends)) + 256
	return c, nil
}

// newChunk returns a chunk with room for the records of an answer. What arrived before low lies
// before it.
func newChunk(a fetchResult, low int64) chunk {
	c := chunk{Batch: Batch{BehindMS: a.behind}, children: a.children, low: low}
	n := len(a.records)
	if n == 0 {
		return c
	}
	var size int
	for i := range a.records {
		size += len(a.records[i].Data)
	}
	c.Data, c.Ends, c.Arrivals = make([]byte, 0, size), make([]int64, 0, n), make([]int64, 0, n)
	c.Sequences, c.PartitionKeys = make([]string, 0, n), make([]string, 0, n)
	return c
}

// records adds the records of an answer to a chunk, and returns when the first of them arrived;
// unknown if there is none.
func (t *cursor) records(c *chunk, a fetchResult) (first int64) {
	first = unknown
	for i := range a.records {
		r := &a.records[i]
		sequence := aws.ToString(r.SequenceNumber)
		arrival := t.arrival(r)
		var sub int64
		if t.at.Sequence != "" {
			order := compareSequences(sequence, t.at.Sequence)
			if order <= 0 {
				t.seen = true
			}
			if order < 0 || order == 0 && t.at.Sub == 0 {
				continue
			}
			if order == 0 {
				sub = t.at.Sub
			}
		}
		if first == unknown {
			first = arrival
		}
		c.add(r, sequence, arrival, sub)
		t.at.Sequence, t.at.Sub = sequence, 0
		t.watermark = max(t.watermark, arrival)
	}
	return first
}

// clockDistance is how far the clocks of the service are apart at most, in ms.
const clockDistance = 1000

// gap finds out whether records may have fallen out of retention between the position and an
// answer; read: that the position is a record's. A record from before the position proves that none
// did.
func (t *cursor) gap(ctx context.Context, c *chunk, a fetchResult, first int64, read bool, h retention) error {
	seen, was := t.seen, c.low
	t.seen = false
	if was == unknown || seen || t.earlier == nil && !a.lost && !h.old(was) {
		return nil
	}
	kept, err := h.keptRange(ctx)
	if err != nil {
		return err
	}
	t.earlier = nil
	from, to := was, kept.from
	if !read { // nothing was read: it begins where the stream does
		from = max(from, kept.created)
	} else { // what was read was in a stream of the same name, if this one is younger
		to = max(to, kept.created)
	}
	if first != unknown {
		to = min(to, first)
	}
	if from < to {
		c.GapFrom, c.GapTo = from, to
		t.watermark = max(t.watermark, to)
	}
	return nil
}

// arrival returns when a record arrived, in ms since 1970. Servers that do not say are believed
// that records are in order.
func (t *cursor) arrival(r *types.Record) int64 {
	if r.ApproximateArrivalTimestamp == nil {
		return max(t.watermark, 0)
	}
	return r.ApproximateArrivalTimestamp.UnixMilli()
}

// add appends a record, or the user records in it from the given one on.
func (c *chunk) add(r *types.Record, sequence string, arrival, sub int64) {
	key := aws.ToString(r.PartitionKey)
	users, ok := disaggregate(r.Data)
	if !ok {
		c.append(r.Data, sequence, key, arrival)
		return
	}
	for i, user := range users {
		if int64(i) >= sub {
			c.append(user.data, sequence+"."+strconv.Itoa(i), cmp.Or(user.key, key), arrival)
		}
	}
}

func (c *chunk) append(data []byte, sequence, key string, arrival int64) {
	c.Data = append(c.Data, data...)
	c.Ends = append(c.Ends, int64(len(c.Data)))
	c.Sequences = append(c.Sequences, sequence)
	c.PartitionKeys = append(c.PartitionKeys, key)
	c.Arrivals = append(c.Arrivals, arrival)
}
