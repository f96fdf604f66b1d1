package file

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/sdf"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/reflectx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/objects"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/record"
)

func init() {
	beam.RegisterDoFn(&ReplayFn{})
	register.Emitter2[beam.EventTime, record.Batch]()
}

// A Position is where a replay stands in a file: the restriction of ReplayFn.
type Position struct {
	Offset int64 // bytes of a plain file that were read
	Line   int64 // lines that were read
	End    int64 // size of the file
}

// ReplayFn reads a file as an unbounded source would deliver its records: some at a time, resuming
// until it ends.
type ReplayFn struct {
	Job        string
	LatenessMS int64          // distance of the watermark behind the newest event
	Config     objects.Config // how objects are reached

	// NewestEvent is a func(record.Batch) int64 that returns the time of the newest event in a
	// batch, in ms since 1970; math.MinInt64 if there is none. nil: the watermark waits for the
	// end.
	NewestEvent *beam.EncodedFunc

	newestEvent func(record.Batch) int64
	client      *objects.Client
}

// Setup finds the function and makes the client.
func (fn *ReplayFn) Setup() {
	fn.client = objects.New(fn.Config)
	if fn.NewestEvent != nil {
		fn.newestEvent = func(b record.Batch) int64 { return fn.NewestEvent.Fn.Call([]any{b})[0].(int64) }
	}
}

// Teardown closes the client.
func (fn *ReplayFn) Teardown() error { return fn.client.Close() }

// CreateInitialRestriction returns the start of a file.
func (fn *ReplayFn) CreateInitialRestriction(c Chunk) Position { return Position{End: c.End} }

// SplitRestriction does not split: the lines of a file are numbered in order.
func (fn *ReplayFn) SplitRestriction(_ Chunk, p Position) []Position { return []Position{p} }

// RestrictionSize returns the bytes that are left.
func (fn *ReplayFn) RestrictionSize(_ Chunk, p Position) float64 { return float64(p.End - p.Offset) }

// CreateTracker returns a tracker of positions.
func (fn *ReplayFn) CreateTracker(p Position) *sdf.LockRTracker {
	return sdf.NewLockRTracker(&tracker{at: p})
}

// TruncateRestriction ends the replay when a job is drained.
func (fn *ReplayFn) TruncateRestriction(rt *sdf.LockRTracker, _ Chunk) Position {
	p := rt.GetRestriction().(Position)
	p.End = p.Offset
	return p
}

// InitialWatermarkEstimatorState returns the lowest watermark, in ms.
func (fn *ReplayFn) InitialWatermarkEstimatorState(beam.EventTime, Position, Chunk) int64 {
	return int64(mtime.MinTimestamp)
}

// CreateWatermarkEstimator returns an estimator that stands at a time in ms.
func (fn *ReplayFn) CreateWatermarkEstimator(ms int64) *sdf.ManualWatermarkEstimator {
	return &sdf.ManualWatermarkEstimator{State: time.UnixMilli(ms)}
}

// WatermarkEstimatorState returns the watermark in ms.
func (fn *ReplayFn) WatermarkEstimatorState(e *sdf.ManualWatermarkEstimator) int64 {
	return e.State.UnixMilli()
}

// ProcessElement reads the next part of a file.
func (fn *ReplayFn) ProcessElement(ctx context.Context, we *sdf.ManualWatermarkEstimator, rt *sdf.LockRTracker, c Chunk, emit func(beam.EventTime, record.Batch)) (sdf.ProcessContinuation, error) {
	count := runtime.Counters(fn.Job)
	p := rt.GetRestriction().(Position)
	if p.Offset >= p.End {
		rt.TryClaim(p)
		return sdf.StopProcessing(), nil
	}
	next := Chunk{File: c.File, Start: p.Offset, End: min(p.Offset+c.Size, p.End), Size: c.Size}
	to := Position{Offset: next.End, Line: p.Line, End: p.End}
	if !c.Cuttable() { // it is read as a whole
		next.End, to.Offset = p.End, p.End
	}
	newest := int64(math.MinInt64)
	send := func(b record.Batch, from int64) int64 {
		b.FirstLine, b.Part = from+1, 0
		emit(beam.EventTime(we.State.UnixMilli()), b)
		if fn.newestEvent != nil {
			newest = max(newest, fn.newestEvent(b))
		}
		return from + int64(bytes.Count(b.Data, []byte{'\n'}))
	}
	read := func(n int64) { count.Bytes.Add(n) }
	// What is emitted must have been claimed before: a runner may split at any time. What cannot be
	// cut is claimed as a whole.
	claimed := c.Cuttable() || rt.TryClaim(to)
	lines := p.Line
	if claimed {
		err := next.read(ctx, fn.client, read, func(b record.Batch) error {
			if c.Cuttable() {
				to.Line += int64(bytes.Count(b.Data, []byte{'\n'}))
				if claimed = rt.TryClaim(to); !claimed {
					return nil
				}
			}
			lines = send(b, lines)
			return ctx.Err()
		})
		if err != nil {
			return nil, fmt.Errorf("file: replay: %w", err)
		}
	}
	if !claimed {
		return sdf.StopProcessing(), rt.GetError()
	}
	if newest != math.MinInt64 {
		if w := watermark(newest - fn.LatenessMS); w.After(we.State) {
			we.UpdateWatermark(w)
		}
	}
	if to.Offset >= to.End {
		return sdf.StopProcessing(), nil
	}
	return sdf.ResumeProcessingIn(0), nil
}

// tracker tracks a Position. It claims the position behind what was read. It is used under the lock
// of sdf.LockRTracker.
type tracker struct {
	at      Position
	stopped bool
	err     error
}

// TryClaim claims everything up to pos, a Position.
func (t *tracker) TryClaim(pos any) bool {
	p, ok := pos.(Position)
	if !ok {
		t.err = fmt.Errorf("file: claim of %T", pos)
		return false
	}
	if t.stopped {
		return false
	}
	t.at.Offset, t.at.Line = p.Offset, p.Line
	return true
}

// GetError returns why a claim failed.
func (t *tracker) GetError() error { return t.err }

// TrySplit ends the primary where the tracker stands and returns the rest, if there is any.
func (t *tracker) TrySplit(float64) (primary, residual any, err error) {
	if t.stopped || t.at.Offset >= t.at.End {
		return t.at, nil, nil
	}
	rest := t.at
	t.at.End = t.at.Offset
	t.stopped = true
	return t.at, rest, nil
}

// GetProgress returns the bytes that are read and left.
func (t *tracker) GetProgress() (done, remaining float64) {
	return float64(t.at.Offset), float64(t.at.End - t.at.Offset)
}

// IsDone tells whether all is claimed.
func (t *tracker) IsDone() bool {
	return t.stopped || t.at.Offset >= t.at.End
}

// GetRestriction returns where the tracker stands.
func (t *tracker) GetRestriction() any {
	return t.at
}

// IsBounded says that a file has an end.
func (t *tracker) IsBounded() bool { return true }

// watermark returns a time in ms since 1970 as a watermark, within what Beam's windows hold.
func watermark(ms int64) time.Time {
	const day = 24 * 60 * 60 * 1000
	return time.UnixMilli(min(max(ms, int64(mtime.MinTimestamp)+day), int64(mtime.EndOfGlobalWindowTime)-day))
}

// Replay reads the records of files, about size bytes at a time, as an unbounded source would. The
// watermark waits for the end.
func Replay(s beam.Scope, job string, size int64, files []File, c objects.Config) beam.PCollection {
	return readAs(s, &ReplayFn{Job: job, Config: c}, size, files)
}

// ReplayBehind is Replay with a watermark that follows the newest event at a distance. newestEvent
// is that of ReplayFn; it must be registered with Beam.
func ReplayBehind(s beam.Scope, job string, size int64, files []File, c objects.Config, distance time.Duration, newestEvent func(record.Batch) int64) beam.PCollection {
	fn := &ReplayFn{Job: job, Config: c, LatenessMS: distance.Milliseconds(), NewestEvent: &beam.EncodedFunc{Fn: reflectx.MakeFunc(newestEvent)}}
	return readAs(s, fn, size, files)
}

func readAs(s beam.Scope, fn *ReplayFn, size int64, files []File) beam.PCollection {
	s = s.Scope("file.Replay")
	var whole []Chunk
	for _, f := range files {
		whole = append(whole, Chunk{File: f, End: f.Size, Size: size})
	}
	return beam.ParDo(s, fn, beam.CreateList(s, whole))
}
