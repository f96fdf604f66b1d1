package file

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"reflect"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/sdf"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/event"
	"flexbeam/schemas/record"
	"flexbeam/transforms/decode"
)

var (
	chunkType = reflect.TypeOf((*Chunk)(nil)).Elem()
	batchType = reflect.TypeOf((*record.Batch)(nil)).Elem()
)

func init() {
	register.DoFn5x2[context.Context, *sdf.ManualWatermarkEstimator, *sdf.LockRTracker, Chunk, func(beam.EventTime, record.Batch), sdf.ProcessContinuation, error](&ReplayFn{})
	register.Emitter2[beam.EventTime, record.Batch]()
	beam.RegisterType(reflect.TypeOf((*Position)(nil)).Elem())
}

// A Position is where a replay stands in a file: the restriction of ReplayFn.
type Position struct {
	Offset int64 // bytes of a plain file that were read
	Line   int64 // lines that were read
	End    int64 // size of the file
}

// ReplayFn reads a file as an unbounded source would deliver its records: some at a time, resuming until it ends.
type ReplayFn struct {
	Job        string
	LatenessMS int64 // distance of the watermark behind the newest event; negative: it waits for the end
}

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
	count := telemetry.For(fn.Job)
	p := rt.GetRestriction().(Position)
	if p.Offset >= p.End {
		rt.TryClaim(p)
		return sdf.StopProcessing(), nil
	}
	next := Chunk{File: c.File, Start: p.Offset, End: min(p.Offset+c.Size, p.End), Size: c.Size}
	to := Position{Offset: next.End, Line: p.Line, End: p.End}
	if c.Format != Plain { // an archive is read as a whole
		next.End, to.Offset = p.End, p.End
	}
	newest := int64(math.MinInt64)
	send := func(b record.Batch, from int64) int64 {
		b.FirstLine, b.Part = from+1, 0
		emit(beam.EventTime(we.State.UnixMilli()), b)
		if fn.LatenessMS >= 0 {
			newest = max(newest, newestEvent(b.Data))
		}
		return from + int64(bytes.Count(b.Data, []byte{'\n'}))
	}
	read := func(n int64) { count.Bytes.Add(n) }
	// What is emitted must have been claimed before: a runner may split at any time. An archive is claimed as a whole.
	claimed := c.Format == Plain || rt.TryClaim(to)
	lines := p.Line
	if claimed {
		err := next.Read(read, func(b record.Batch) error {
			if c.Format == Plain {
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
	if fn.LatenessMS >= 0 && newest != math.MinInt64 {
		if w := time.UnixMilli(int64(decode.Timestamp(newest - fn.LatenessMS))); w.After(we.State) {
			we.UpdateWatermark(w)
		}
	}
	if to.Offset >= to.End {
		return sdf.StopProcessing(), nil
	}
	return sdf.ResumeProcessingIn(0), nil
}

// newestEvent returns the time of the newest event in records, math.MinInt64 without one.
func newestEvent(data []byte) int64 {
	v := newestVisitor(math.MinInt64)
	d := decode.New()
	for line := range bytes.SplitSeq(data, []byte{'\n'}) {
		d.Line(line, &v)
	}
	return int64(v)
}

type newestVisitor int64

func (v *newestVisitor) Event(e *event.Event)               { *v = max(*v, newestVisitor(e.Time)) }
func (v *newestVisitor) Dropped()                           {}
func (v *newestVisitor) Refused(*decode.Error, []byte, int) {}

// tracker tracks a Position. It claims the position behind what was read.
type tracker struct {
	mu      sync.Mutex
	at      Position
	stopped bool
	err     error
}

// TryClaim claims everything up to pos, a Position.
func (t *tracker) TryClaim(pos any) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
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
	t.mu.Lock()
	defer t.mu.Unlock()
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
	t.mu.Lock()
	defer t.mu.Unlock()
	return float64(t.at.Offset), float64(t.at.End - t.at.Offset)
}

// IsDone tells whether all is claimed.
func (t *tracker) IsDone() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stopped || t.at.Offset >= t.at.End
}

// GetRestriction returns where the tracker stands.
func (t *tracker) GetRestriction() any {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at
}

// IsBounded says that a file has an end.
func (t *tracker) IsBounded() bool { return true }

// Replay reads the records of files, about size bytes at a time, as an unbounded source would. latenessMS is the distance of the watermark behind the
// newest event in ms; when it is negative the watermark waits for the end.
func Replay(s beam.Scope, job string, size, latenessMS int64, files []File) beam.PCollection {
	s = s.Scope("file.Replay")
	var whole []Chunk
	for _, f := range files {
		whole = append(whole, Chunk{File: f, End: f.Size, Size: size})
	}
	return beam.ParDo(s, &ReplayFn{Job: job, LatenessMS: latenessMS}, beam.CreateList(s, whole))
}
