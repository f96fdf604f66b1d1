package kinesis

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/source/kinesis/control"
)

// reading is the source.Control of a job in this process.
type reading struct {
	*control.Control
	job        string
	checkpoint source.Checkpoint
	log        *slog.Logger
	streams    []kinesisio.Stream            // with the times that starts of latest were
	began      map[string]kinesisio.Position // by kinesisio.Key
}

// Close ends the reading.
func (r *reading) Close() error {
	return r.Control.Close()
}

// SetNow sets the clock that tells when the service last answered. Tests change it before the job
// begins.
func (r *reading) SetNow(now func() time.Time) { r.Now = now }

// begin returns the streams with the time in the place of a start of latest. That is the same in
// every process: it is safe before anything is read. torn: the end of the checkpoint was lost.
func (r *reading) begin(ctx context.Context, starts map[string]kinesisio.Start, torn bool) ([]kinesisio.Stream, error) {
	streams, added := slices.Clone(r.streams), false
	for i := range streams {
		s := &streams[i]
		if !s.Start.Latest {
			continue
		}
		known := false
		for key := range r.began {
			known = known || inAny(streams[i:i+1], key)
		}
		start, was := starts[s.ID()]
		switch {
		case was:
			s.Start = start
		case known:
		case torn:
			s.Start = kinesisio.Start{}
			r.log.Warn("the state's log lost where the stream was begun: all that the stream still has is read", "stream", s.ID())
		default:
			var err error
			if s.Start, err = kinesisio.Latest(ctx, *s, func(err error, throttled bool) { r.Retried(s.ID(), "", err, throttled) }); err != nil {
				return nil, err
			}
			if err := r.checkpoint.Save(startKey(s.ID()), []byte(s.Start.String())); err != nil {
				return nil, err
			}
			added = true
		}
	}
	if !added {
		return streams, nil
	}
	return streams, r.checkpoint.Sync()
}

// warnOfOthers tells of streams that the checkpoint knows and the source does not name: they may
// have been left out on purpose, or have another ID now.
func (r *reading) warnOfOthers() {
	for key := range r.began {
		if !inAny(r.streams, key) {
			r.log.Warn("the state has a position of a shard that this job does not read: name the stream as before, or by its ARN, if it should", "shard", key)
		}
	}
}

// inAny tells whether a shard is in one of some streams.
func inAny(streams []kinesisio.Stream, key string) bool {
	return slices.ContainsFunc(streams, func(s kinesisio.Stream) bool {
		shard, ok := strings.CutPrefix(key, kinesisio.Key(s.ID(), ""))
		return ok && !strings.Contains(shard, "/") // another stream's ID may begin with this one
	})
}

// Watermark returns the time up to which earlier jobs have read all shards of the streams, in ms
// since 1970. Shards of other streams are read no longer and hold nothing.
func (r *reading) Watermark() (ms int64, ok bool) { return lowest(r.began, r.streams) }

func lowest(positions map[string]kinesisio.Position, streams []kinesisio.Stream) (int64, bool) {
	least := int64(math.MaxInt64)
	for key, p := range positions {
		if !p.Done && inAny(streams, key) {
			least = min(least, p.UpTo)
		}
	}
	return least, least != math.MaxInt64 && least > 0
}

// Shards implements source.Control.
func (r *reading) Shards() []source.Shard {
	var shards []source.Shard
	for _, s := range r.Control.Shards() {
		shard := source.Shard{Stream: s.Stream, ID: s.Shard, Behind: time.Duration(s.BehindMS) * time.Millisecond, Watermark: s.Watermark, Open: s.Open}
		if s.Answered > 0 {
			shard.Answered = time.UnixMilli(s.Answered)
		}
		shards = append(shards, shard)
	}
	return shards
}

// Counts implements source.Control.
func (r *reading) Counts() source.Counts {
	n := r.Control.Counts()
	return source.Counts{Throttled: n.Throttled, Expired: n.Expired, Resubscribed: n.Resubscribed}
}

// ForgetOver implements source.Control.
func (r *reading) ForgetOver() error {
	positions, _, err := load(r.checkpoint.Load())
	if err != nil {
		return err
	}
	saved := map[string]control.Saved{}
	for key, at := range positions {
		saved[key] = control.Saved{UpTo: at.UpTo, Done: at.Done}
	}
	over := r.Over(saved)
	for _, key := range over {
		r.checkpoint.Delete(positionKey(key))
	}
	if len(over) > 0 {
		r.log.Info("the positions of shards that were read to their end and are listed no longer are forgotten", "shards", over)
	}
	return nil
}
