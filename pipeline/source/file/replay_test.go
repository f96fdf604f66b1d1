package file

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/sdf"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/event"
	"flexbeam/schemas/record"
	"flexbeam/transforms/decode"
)

// A resumption is a replay that waits to go on.
type resumption struct {
	at        Position
	watermark int64
}

// replay runs a replay of one file as a runner would: from resumption to resumption, split where
// split says so. It returns the lines with their numbers and, for each batch, the watermark before
// it.
func replay(t testing.TB, path string, size, latenessMS int64, split func() bool) (lines []string, watermarks []int64) {
	t.Helper()
	files, err := list(path)
	if err != nil {
		t.Fatal(err)
	}
	c := Chunk{File: files[0], End: files[0].Size, Size: size}
	fn := &ReplayFn{Job: t.Name(), LatenessMS: latenessMS}
	if latenessMS >= 0 {
		fn.newestEvent = newestEvent
	}
	start := fn.CreateInitialRestriction(c)
	todo := []resumption{{start, fn.InitialWatermarkEstimatorState(0, start, c)}}
	for len(todo) > 0 {
		r := todo[0]
		todo = todo[1:]
		rt, we := fn.CreateTracker(r.at), fn.CreateWatermarkEstimator(r.watermark)
		next, err := fn.ProcessElement(context.Background(), we, rt, c, func(ts beam.EventTime, b record.Batch) {
			if int64(ts) != r.watermark {
				t.Errorf("a batch at %d, behind the watermark %d", ts, r.watermark)
			}
			watermarks = append(watermarks, r.watermark)
			n := b.FirstLine
			for l := range strings.Lines(string(b.Data)) {
				lines = append(lines, fmt.Sprint(n, " ", strings.TrimSuffix(l, "\n")))
				n++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		w := fn.WatermarkEstimatorState(we)
		if w < r.watermark {
			t.Errorf("the watermark goes back from %d to %d", r.watermark, w)
		}
		if next.ShouldResume() || split() {
			primary, rest, err := rt.TrySplit(0)
			if err != nil {
				t.Fatal(err)
			}
			if rest != nil {
				todo = append(todo, resumption{rest.(Position), w})
				if p := primary.(Position); p.Offset != p.End {
					t.Errorf("a primary with something left: %+v", p)
				}
			}
		}
		if !rt.IsDone() {
			t.Errorf("the tracker is not done at %+v", rt.GetRestriction())
		}
	}
	return lines, watermarks
}

// newest takes the time of the newest event that it visits.
type newest int64

func (v *newest) Event(e *event.Event)                       { *v = max(*v, newest(e.Time)) }
func (v *newest) Dropped()                                   {}
func (v *newest) Refused(*decode.Error, []byte, decode.Spot) {}

func newestEvent(b record.Batch) int64 {
	v := newest(math.MinInt64)
	d := decode.New()
	for line := range strings.SplitSeq(string(b.Data), "\n") {
		d.Line([]byte(line), &v)
	}
	return int64(v)
}

func TestAReplayGivesEveryLineOnceWithItsNumber(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		var text strings.Builder
		var want []string
		for i := range rapid.IntRange(1, 12).Draw(r, "lines") {
			l := strings.Repeat("x", rapid.SampledFrom([]int{0, 1, 2, 7, 40}).Draw(r, "length"))
			text.WriteString(l + "\n")
			want = append(want, fmt.Sprint(i+1, " ", l))
		}
		if rapid.Bool().Draw(r, "unended") {
			text.WriteString("tail")
			want = append(want, fmt.Sprint(len(want)+1, " tail"))
		}
		data := []byte(text.String())
		path := filepath.Join(dir, "f")
		if rapid.Bool().Draw(r, "packed") {
			data = zipped(t, text.String())
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			r.Fatal(err)
		}
		size := rapid.Int64Range(1, int64(len(data))+2).Draw(r, "size")
		got, _ := replay(t, path, size, -1, func() bool { return rapid.Bool().Draw(r, "split") })
		if d := cmp.Diff(want, got); d != "" {
			r.Fatalf("%q in batches of %d (-want +got):\n%s", text.String(), size, d)
		}
	})
}

func TestTheWatermarkFollowsTheNewestEventAtItsDistance(t *testing.T) {
	var text []byte
	for _, l := range history.Lines(history.Parse(`
		100  entered
		50   accepted
		200  completed
		150  task.completed`), history.All(history.Object)) {
		text = append(append(text, l...), '\n')
	}
	path := save(t, "f", text)
	_, got := replay(t, path, 1, 30_000, func() bool { return false })
	// A batch of one byte holds a line or, within one, nothing.
	var moved []int64
	for _, w := range got {
		if len(moved) == 0 || moved[len(moved)-1] != w {
			moved = append(moved, w)
		}
	}
	if len(moved) < 2 {
		t.Fatalf("watermarks %v", moved)
	}
	if d := cmp.Diff([]int64{history.At(70), history.At(170)}, moved[1:]); d != "" {
		t.Errorf("watermarks behind the first:\n%s", d)
	}
	if _, got := replay(t, path, 1, -1, func() bool { return false }); got[len(got)-1] != got[0] {
		t.Errorf("without a lateness the watermark moves from %v to %v", got[0], got[len(got)-1])
	}
}

func TestADrainedReplayEndsWhereItStands(t *testing.T) {
	fn := new(ReplayFn)
	p := fn.TruncateRestriction(fn.CreateTracker(Position{Offset: 5, Line: 2, End: 9}), Chunk{})
	if d := cmp.Diff(Position{Offset: 5, Line: 2, End: 5}, p); d != "" {
		t.Error(d)
	}
	if size := fn.RestrictionSize(Chunk{}, p); size != 0 {
		t.Errorf("%v bytes are left", size)
	}
	rt := fn.CreateTracker(p)
	next, err := fn.ProcessElement(context.Background(), fn.CreateWatermarkEstimator(0), rt, Chunk{}, nil)
	if err != nil || next.ShouldResume() || !rt.IsDone() {
		t.Errorf("resumes: %v, done: %v, %v", next.ShouldResume(), rt.IsDone(), err)
	}
}

func TestATrackerClaimsWhatIsRead(t *testing.T) {
	rt := sdf.NewLockRTracker(&tracker{at: Position{End: 9}})
	if !rt.TryClaim(Position{Offset: 4, Line: 1}) {
		t.Fatal("the claim fails")
	}
	if done, left := rt.GetProgress(); done != 4 || left != 5 || rt.IsDone() {
		t.Errorf("%v done, %v left", done, left)
	}
	_, rest, err := rt.TrySplit(0.5)
	if d := cmp.Diff(Position{Offset: 4, Line: 1, End: 9}, rest); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	if rt.TryClaim(Position{Offset: 9}) || !rt.IsDone() {
		t.Error("what was split off can be claimed")
	}
	if _, rest, err := rt.TrySplit(0.5); rest != nil || err != nil {
		t.Errorf("a second split gives %v, %v", rest, err)
	}
	other := sdf.NewLockRTracker(&tracker{})
	if other.TryClaim("text") || other.GetError() == nil {
		t.Error("a claim of a text succeeds")
	}
	if !rt.IsBounded() {
		t.Error("a file has no end")
	}
}

func TestAReplayOfAFileThatIsGoneIsAnError(t *testing.T) {
	fn := &ReplayFn{}
	c := Chunk{File: File{Path: filepath.Join(t.TempDir(), "gone")}, End: 5, Size: 5}
	_, err := fn.ProcessElement(context.Background(), &sdf.ManualWatermarkEstimator{State: time.UnixMilli(0)}, fn.CreateTracker(Position{End: 5}), c, nil)
	if err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v", err)
	}
}
