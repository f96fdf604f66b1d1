package kinesisio

import (
	"context"
	"slices"
	"sort"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/sdf"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
)

func init() {
	beam.RegisterDoFn(&discoverFn{})
	register.Emitter2[beam.EventTime, shard]()
}

// resumeDelay is how long a shard with records rests between two looks: runners count whole seconds.
const resumeDelay = time.Second

// listTime is how long the listing of a stream's shards may take.
const listTime = 20 * time.Second

// known is which shards of a stream were handed on: the restriction of discoverFn.
type known struct {
	Shards []string // those that are still listed
	UpTo   int64    // ms since 1970: every shard that was there then was handed on; 0: none yet
	End    bool     // no further ones are looked for
}

func (k known) ended() bool   { return k.End }
func (k known) size() float64 { return 1 }

// discoverFn finds the shards of streams and hands on each once. Its watermark is the time up to
// which all are known, so that nothing downstream passes a record in a shard that is not.
type discoverFn struct {
	estimators
	sessions
}

// CreateInitialRestriction returns that no shard is known.
func (fn *discoverFn) CreateInitialRestriction(Stream) known { return known{} }

// SplitRestriction does not split.
func (fn *discoverFn) SplitRestriction(_ Stream, k known) []known { return []known{k} }

// RestrictionSize returns the same for every stream.
func (fn *discoverFn) RestrictionSize(_ Stream, k known) float64 { return k.size() }

// CreateTracker returns a tracker of known shards.
func (fn *discoverFn) CreateTracker(k known) *sdf.LockRTracker { return newTracker(k) }

// TruncateRestriction ends the looking for shards when a job is drained.
func (fn *discoverFn) TruncateRestriction(rt *sdf.LockRTracker, _ Stream) known {
	k := rt.GetRestriction().(known)
	k.End = true
	return k
}

// InitialWatermarkEstimatorState returns the lowest watermark.
func (fn *discoverFn) InitialWatermarkEstimatorState(beam.EventTime, known, Stream) int64 {
	return unknown
}

// ProcessElement lists the shards of a stream once.
func (fn *discoverFn) ProcessElement(
	ctx context.Context, we *estimator, rt *sdf.LockRTracker, s Stream, emit func(beam.EventTime, shard),
) (sdf.ProcessContinuation, error) {
	k := rt.GetRestriction().(known)
	if k.End {
		rt.TryClaim(k)
		return sdf.StopProcessing(), nil
	}
	ctl, id := fn.session.ctl, s.ID()
	report := func() int64 {
		we.report = ctl.ListWatermark(id, we.own)
		return we.report
	}
	report()
	if ctl.Draining() {
		return sdf.ResumeProcessingIn(resumeDelay), nil
	}
	api, err := fn.session.client(ctx, s)
	if err != nil {
		return nil, err
	}
	saved := fn.saved(s)
	within, stop := context.WithTimeout(ctx, listTime)
	l, made, err := look(within, api, k, saved)
	stop()
	if err != nil { // other streams must not wait for this one
		if permanent(err) || ctx.Err() != nil {
			return nil, err
		}
		if fn.session.heard(id, err); k.UpTo == 0 {
			if err := fn.session.hopeless(id); err != nil {
				return nil, err
			}
		}
		ctl.Retried(id, "", err, isThrottle(err))
		return sdf.ResumeProcessingIn(fn.session.unlisted(id)), nil
	}
	if k.UpTo == 0 && len(saved) == 0 {
		if err := s.future(l.asOf); err != nil {
			return nil, err
		}
	}
	next := known{Shards: l.shards, UpTo: max(k.UpTo, l.asOf)}
	if !rt.TryClaim(next) {
		return sdf.StopProcessing(), rt.GetError()
	}
	for _, a := range added(s, k, l, saved, made) {
		at := from(a.From)
		if k.UpTo != 0 { // it is new: what it has arrived after the last listing
			at = max(at, report())
		}
		ctl.Found(id, a.ID, at)
		emit(beam.EventTime(at), a)
	}
	fn.session.listed(id)
	ctl.Listed(id, l.shards, l.asOf)
	we.own = max(we.own, next.UpTo)
	report()
	return sdf.ResumeProcessingIn(fn.Config.rest()), nil
}

// look lists the shards of a stream. If an earlier job has read one of those that are not known yet
// to its end, it asks when the stream was made, in ms since 1970; else made is 0.
func look(ctx context.Context, api *client, k known, saved map[string]Position) (l listing, made int64, err error) {
	if l, err = api.list(ctx); err != nil {
		return l, 0, explain(api.stream.ID(), "", "ListShards", err)
	}
	if !slices.ContainsFunc(l.shards, func(id string) bool { return saved[id].Done && !slices.Contains(k.Shards, id) }) {
		return l, 0, nil
	}
	sum, err := api.ask(ctx)
	if err != nil {
		return l, 0, explain(api.stream.ID(), "", "DescribeStreamSummary", err)
	}
	return l, sum.created, nil
}

// added returns the shards of a listing that are not known yet, and where each is read from. One
// that was read to its end is not, unless that was a shard of a stream before this one was made.
func added(s Stream, k known, l listing, saved map[string]Position, made int64) []shard {
	first := k.UpTo == 0
	since := k.UpTo
	for _, at := range saved {
		since = max(since, at.UpTo)
	}
	var list []shard
	for _, id := range l.shards {
		if slices.Contains(k.Shards, id) {
			continue
		}
		from, ok := saved[id]
		if !ok || from.Done && from.outlived(made) {
			from = begin(s.Start, first, len(saved) > 0, since, l.asOf)
		}
		if !from.Done {
			list = append(list, shard{Stream: s, ID: id, From: from})
		}
	}
	if !first {
		return list
	}
	for id, at := range saved {
		if !at.Done && !slices.Contains(l.shards, id) {
			list = append(list, shard{Stream: s, ID: id, From: at, Gone: true})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list
}

// begin returns where a shard without a saved position is read from: first, that it is in the first
// listing; saved, that others have a position; since, in ms, how far the job had come before. When
// that is a day past the time of a Start, a shard that is not known has come since then: to ask for
// what arrived from that time on would be to ask for what no stream has to keep.
func begin(s Start, first, saved bool, since, now int64) Position {
	switch {
	case s.AtMS > 0 && since < s.AtMS+leastRetention.Milliseconds():
		return Position{UpTo: s.AtMS}
	case s.Latest && first && !saved:
		return Position{UpTo: now}
	}
	return Position{}
}

// saved returns the saved positions of a stream, by shard.
func (fn *discoverFn) saved(s Stream) map[string]Position {
	m := map[string]Position{}
	for key, at := range fn.Config.Positions {
		if stream, shard := splitKey(key); stream == s.ID() {
			m[shard] = at
		}
	}
	return m
}

// from returns the watermark at a position.
func from(at Position) int64 {
	if at.UpTo > 0 {
		return at.UpTo
	}
	return unknown
}
