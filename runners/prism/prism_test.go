package prism

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/hooks"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	flag.Parse()
	hooks.DisableHook(harness.DefaultRemoteLoggingHook)
	beam.Init()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Beam's chatter
	os.Exit(m.Run())
}

// A gate holds the elements of a job until the test opens it, and collects them behind it.
type gate struct {
	name    string
	reached chan struct{} // gets a value for each element
	opened  chan struct{}

	mu   sync.Mutex
	rows []string
}

var (
	gates    sync.Map // *gate by name
	lastGate atomic.Int64
)

func newGate() *gate {
	g := &gate{name: fmt.Sprint("gate", lastGate.Add(1)), reached: make(chan struct{}, 100), opened: make(chan struct{})}
	gates.Store(g.name, g)
	return g
}

func (g *gate) sorted() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(slices.Values(g.rows))
}

// drawFn gives as many rows as it is told.
type drawFn struct{ Rows int }

func (f *drawFn) ProcessElement(_ []byte, emit func(string, int)) {
	for i := range f.Rows {
		emit(fmt.Sprint("row", i), i)
	}
}

// passFn passes rows when its gate is open.
type passFn struct{ Gate string }

func (f *passFn) ProcessElement(ctx context.Context, key string, values func(*int) bool) {
	g, _ := gates.Load(f.Gate)
	g.(*gate).pass(ctx, key)
}

func (g *gate) pass(ctx context.Context, row string) {
	g.reached <- struct{}{}
	select {
	case <-g.opened:
	case <-ctx.Done():
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rows = append(g.rows, row)
}

func init() {
	beam.RegisterDoFn(&drawFn{})
	beam.RegisterDoFn(&passFn{})
	register.Emitter2[string, int]()
	register.Iter1[int]()
}

// gated returns a pipeline whose rows pass a gate.
func gated(g *gate, rows int) *beam.Pipeline {
	p, s := beam.NewPipelineWithRoot()
	drawn := beam.ParDo(s, &drawFn{rows}, beam.Impulse(s))
	beam.ParDo0(s, &passFn{g.name}, beam.GroupByKey(s, drawn))
	return p
}

func want(rows int) []string {
	var all []string
	for i := range rows {
		all = append(all, fmt.Sprint("row", i))
	}
	slices.Sort(all)
	return all
}

// begin runs a pipeline and returns what cancels it and what its end is told by.
func begin(t *testing.T, p *beam.Pipeline) (cancel context.CancelCauseFunc, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	end := make(chan error, 1)
	go func() { end <- Run(ctx, p) }()
	return cancel, end
}

func TestCancelingAJobLeavesTheOthersOfTheProcessAlone(t *testing.T) {
	errEnough := errors.New("the user has had enough")
	tests := []struct {
		name      string
		canceled  int // the one that is canceled, of the two in the order in which they began
		remaining int
	}{
		{"the first", 0, 1},
		{"the second", 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var of [2]*gate
			var cancel [2]context.CancelCauseFunc
			var ended [2]<-chan error
			for i := range of {
				of[i] = newGate()
				cancel[i], ended[i] = begin(t, gated(of[i], 5))
				<-of[i].reached // it runs
			}
			cancel[tt.canceled](errEnough)
			if err := <-ended[tt.canceled]; !errors.Is(err, errEnough) {
				t.Errorf("the canceled job ended with %v", err)
			}
			select {
			case err := <-ended[tt.remaining]:
				t.Fatalf("the other job ended too: %v", err)
			default:
			}
			close(of[tt.remaining].opened)
			if err := <-ended[tt.remaining]; err != nil {
				t.Errorf("the other job: %v", err)
			}
			if diff := cmp.Diff(want(5), of[tt.remaining].sorted()); diff != "" {
				t.Errorf("rows of the other job (-want +got):\n%s", diff)
			}
			if got := of[tt.canceled].sorted(); len(got) > 0 {
				t.Errorf("the canceled job went on: %q", got)
			}
			cancel[tt.remaining](nil)
		})
	}
}

// A job may be canceled at any moment of its start: nothing panics, and the next job runs.
func TestAJobThatIsCanceledAtOnceEndsAtOnce(t *testing.T) {
	errEnough := errors.New("the user has had enough")
	for delay := range 40 {
		g := newGate()
		cancel, ended := begin(t, gated(g, 3))
		time.Sleep(time.Duration(delay) * 500 * time.Microsecond)
		cancel(errEnough)
		if err := <-ended; !errors.Is(err, errEnough) {
			t.Fatalf("after %d ms/2: %v", delay, err)
		}
		close(g.opened)
	}
	g := newGate()
	close(g.opened)
	if err := Run(t.Context(), gated(g, 3)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want(3), g.sorted()); diff != "" {
		t.Error(diff)
	}
}

func TestAContextThatHasEndedRunsNothing(t *testing.T) {
	g := newGate()
	close(g.opened)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("too late")
	cancel(cause)
	if err := Run(ctx, gated(g, 1)); !errors.Is(err, cause) || len(g.sorted()) > 0 {
		t.Errorf("%v, %q", err, g.sorted())
	}
}

// A run needs no directory for temporary files, and leaves nothing in it.
func TestARunUsesNoTemporaryFiles(t *testing.T) {
	empty := t.TempDir()
	for _, dir := range []string{empty, filepath.Join(empty, "none")} {
		t.Setenv("TMPDIR", dir)
		g := newGate()
		close(g.opened)
		if err := Run(t.Context(), gated(g, 3)); err != nil {
			t.Errorf("TMPDIR %s: %v", dir, err)
		}
		if diff := cmp.Diff(want(3), g.sorted()); diff != "" {
			t.Error(diff)
		}
	}
	left, err := os.ReadDir(empty)
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// errBroken is what brokenFn fails with.
const errBroken = "the element is broken"

type brokenFn struct{}

func (*brokenFn) ProcessElement([]byte) error { return errors.New(errBroken) }

func init() { beam.RegisterDoFn(&brokenFn{}) }

func TestAFailingTransformFailsTheJob(t *testing.T) {
	p, s := beam.NewPipelineWithRoot()
	beam.ParDo0(s, &brokenFn{}, beam.Impulse(s))
	if err := Run(t.Context(), p); err == nil || !strings.Contains(err.Error(), errBroken) {
		t.Errorf("got %v", err)
	}
}
