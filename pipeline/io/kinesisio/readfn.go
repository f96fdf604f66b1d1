package kinesisio

import (
	"context"
	"reflect"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/sdf"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
)

func init() {
	beam.RegisterDoFn(&readFn{})
	register.Emitter2[beam.EventTime, Batch]()
	beam.RegisterType(reflect.TypeFor[progress]())
}

// Bounds of one call.
const (
	batchBytes = 1 << 20         // of a batch, and at most one answer more: answers are copied to be joined
	callBytes  = 4 << 20         // of all batches: what a shard gives in two seconds
	callTime   = 6 * time.Second // divided by the number of shards, which the runner may call in turn
	quietTime  = 5 * time.Second // after which a batch without records says how far a shard was read
)

// progress is how far a shard was read: the restriction of readFn.
type progress struct {
	At       Position
	BehindMS int64 // behind the newest record of the shard, when it was last read: all that a runner sees of the lag
	Bundle   int64 // number of the bundle that came up to there; 0: none did, or there is no controller
	End      bool  // it is not read on
}

func (p progress) ended() bool { return p.End }

// size is the lag in seconds, and one more, since a shard that is read to its newest record is
// still to be read.
func (p progress) size() float64 {
	if p.End {
		return 0
	}
	return 1 + float64(p.BehindMS)/1000
}

// readFn reads shards.
type readFn struct {
	estimators
	sessions

	bundle int64
}

// StartBundle begins what the runner commits at once.
func (fn *readFn) StartBundle(context.Context, func(beam.EventTime, Batch)) {
	fn.bundle = fn.session.ctl.Bundle()
}

// FinishBundle is there because StartBundle is.
func (fn *readFn) FinishBundle(context.Context, func(beam.EventTime, Batch)) {}

// CreateInitialRestriction returns where a shard begins.
func (fn *readFn) CreateInitialRestriction(s shard) progress { return progress{At: s.From} }

// SplitRestriction does not split: the records of a shard are in order.
func (fn *readFn) SplitRestriction(_ shard, p progress) []progress { return []progress{p} }

// RestrictionSize returns about how many seconds the reading of a shard is behind.
func (fn *readFn) RestrictionSize(_ shard, p progress) float64 { return p.size() }

// CreateTracker returns a tracker of progress.
func (fn *readFn) CreateTracker(p progress) *sdf.LockRTracker { return newTracker(p) }

// TruncateRestriction ends the reading when a job is drained.
func (fn *readFn) TruncateRestriction(rt *sdf.LockRTracker, _ shard) progress {
	p := rt.GetRestriction().(progress)
	p.End = true
	return p
}

// InitialWatermarkEstimatorState returns the time before which nothing arrived that is to be read:
// that of the shard's element.
func (fn *readFn) InitialWatermarkEstimatorState(et beam.EventTime, _ progress, _ shard) int64 {
	return et.Milliseconds()
}

// ProcessElement hands on what was read of a shard since the last call.
func (fn *readFn) ProcessElement(
	ctx context.Context, we *estimator, rt *sdf.LockRTracker, s shard, emit func(beam.EventTime, Batch),
) (sdf.ProcessContinuation, error) {
	at := rt.GetRestriction().(progress)
	ctl, id := fn.session.ctl, s.Stream.ID()
	state := fn.session.state(id, s.ID)
	if ctl.Resumed(id, s.ID, from(s.From), at.Bundle, at.At.Done) {
		fn.session.repeated(state)
	}
	report := func() { we.report = ctl.Watermark(id, s.ID, fn.bundle, we.own) }
	report()
	if at.ended() || at.At.Done {
		fn.session.ended(id, s.ID)
		at.End = true
		rt.TryClaim(at)
		return sdf.StopProcessing(), nil
	}
	if !ctl.Enter() {
		return sdf.ResumeProcessingIn(resumeDelay), nil
	}
	defer ctl.Leave()
	if at.Bundle = fn.bundle; !rt.TryClaim(at) {
		return sdf.StopProcessing(), rt.GetError()
	}
	h := fn.session.handOver(s, state, at.At, &fn.Config, fn.bundle)
	fresh := h.first
	given, claimed, err := fn.handOn(ctx, h, we, rt, emit)
	if err != nil {
		return nil, err
	}
	if !claimed {
		return sdf.StopProcessing(), rt.GetError()
	}
	report()
	switch now := rt.GetRestriction().(progress); {
	case given.bytes >= callBytes && !now.At.Done: // more is there
		return sdf.ResumeProcessingIn(0), nil
	case given.records == 0 && !fresh && now.BehindMS == 0 && !now.At.Done: // it is idle
		return sdf.ResumeProcessingIn(fn.Config.rest()), nil
	}
	return sdf.ResumeProcessingIn(resumeDelay), nil
}

// given is what one call has emitted.
type given struct {
	records int
	bytes   int64
}

// handOn emits the batches of one call, and tells what they have. It returns false if the runner took the
// rest of the shard away.
func (fn *readFn) handOn(
	ctx context.Context, h *handover, we *estimator, rt *sdf.LockRTracker, emit func(beam.EventTime, Batch),
) (all given, claimed bool, err error) {
	begun := fn.session.now()
	for {
		b, ok, err := h.take(we.own)
		if err != nil {
			return all, false, err
		}
		if !ok {
			return all, true, nil
		}
		if !rt.TryClaim(progress{At: b.Position, BehindMS: b.BehindMS, Bundle: fn.bundle}) {
			h.drop()
			return all, false, nil
		}
		if h.wanted(b) {
			emit(beam.EventTime(b.time(max(we.own, we.report))), *b)
		}
		count(ctx, b)
		we.own = max(we.own, b.Watermark)
		h.handedOn(b)
		all.bytes += int64(len(b.Data))
		all.records += b.Len()
		if b.Position.Done || all.bytes >= callBytes || fn.session.now().Sub(begun) >= h.time || fn.session.ctl.Draining() {
			return all, true, nil
		}
	}
}

// time returns the time of the batch, in ms, of a shard whose watermark is reported to be at least
// at own.
func (b *Batch) time(own int64) int64 {
	if len(b.Arrivals) > 0 {
		return max(own, b.Arrivals[0])
	}
	return own
}

var (
	records = beam.NewCounter("kinesis", "records")
	volume  = beam.NewCounter("kinesis", "bytes")
	gaps    = beam.NewCounter("kinesis", "gaps")
)

// count adds a batch to the metrics of the job.
func count(ctx context.Context, b *Batch) {
	records.Inc(ctx, int64(b.Len()))
	volume.Inc(ctx, int64(len(b.Data)))
	if b.GapTo != 0 {
		gaps.Inc(ctx, 1)
	}
}
