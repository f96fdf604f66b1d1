package portable_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/window"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/google/go-cmp/cmp"

	"flexbeam/runners/portable"
)

func init() {
	beam.RegisterDoFn(&keptFn{})
	beam.RegisterDoFn(busy())
	beam.RegisterType(reflect.TypeFor[row]())
	register.Emitter1[string]()
}

type row struct{ Name string }

// keptFn keeps one state and one timer.
type keptFn struct {
	State state.Value[[]byte]
	Due   timers.EventTime
	Word  string
}

func (fn *keptFn) ProcessElement(state.Provider, timers.Provider, string, []byte, func(string)) {}
func (fn *keptFn) OnTimer(state.Provider, timers.Provider, string, timers.Context, func(string)) {
}

// busyFn does all that it should not.
type busyFn struct {
	A, B state.Value[[]byte]
	Due  timers.EventTime
	Soon timers.ProcessingTime
}

func (fn *busyFn) ProcessElement(_ beam.BundleFinalization, _ state.Provider, _ timers.Provider, _ string, _ []byte, _ func(string)) {
}
func (fn *busyFn) OnTimer(state.Provider, timers.Provider, string, timers.Context, func(string)) {}

func marshal(t *testing.T, build func(beam.Scope)) *pipepb.Pipeline {
	t.Helper()
	p, s := beam.NewPipelineWithRoot()
	build(s)
	env, err := graphx.CreateEnvironment(context.Background(), graphx.URNEnvExternal, func(context.Context) string { return "worker:50000" })
	if err != nil {
		t.Fatal(err)
	}
	graph, err := portable.Marshal(p, env)
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

func bytesByKey(s beam.Scope, key string) beam.PCollection {
	return beam.ParDo(s, pair, beam.Create(s, key))
}

func busy() *busyFn {
	return &busyFn{
		A: state.MakeValueState[[]byte]("a"), B: state.MakeValueState[[]byte]("b"), Due: timers.InEventTime("due"), Soon: timers.InProcessingTime("soon"),
	}
}

func pair(key string) (string, []byte) { return key, []byte(key) }

func init() { beam.RegisterFunction(pair) }

func TestWhatAStepKeepsIsTold(t *testing.T) {
	graph := marshal(t, func(s beam.Scope) {
		beam.ParDo(s, &keptFn{State: state.MakeValueState[[]byte]("cell"), Due: timers.InEventTime("due")}, bytesByKey(s, "k"))
	})
	if err := portable.Check(graph); err != nil {
		t.Error(err)
	}
	text, err := portable.Describe(graph)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"portable_test.keptFn", "cell ", "due event_time", "bounded"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told:\n%s", want, text)
		}
	}
}

// A transform in front of a Reshuffle does not change the names of its parts.
func TestNamesDoNotDependOnWhatElseIsInTheGraph(t *testing.T) {
	names := func(graph *pipepb.Pipeline) (all []string) {
		steps, err := portable.Steps(graph)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if strings.HasPrefix(s.Name, "here/") {
				all = append(all, s.Name)
			}
		}
		return all
	}
	one := names(marshal(t, func(s beam.Scope) { beam.Reshuffle(s.Scope("here"), bytesByKey(s, "a")) }))
	two := names(marshal(t, func(s beam.Scope) {
		bytesByKey(s, "b")
		beam.Reshuffle(s.Scope("here"), bytesByKey(s, "a"))
	}))
	if d := cmp.Diff(one, two); d != "" || len(one) != 3 {
		t.Errorf("%q (-alone +among others):\n%s", one, d)
	}
}

func TestFaultsOfAGraphAreFound(t *testing.T) {
	busy := marshal(t, func(s beam.Scope) { beam.ParDo(s, busy(), bytesByKey(s, "k")) })
	for _, want := range []error{portable.ErrState, portable.ErrTimers, portable.ErrFinalize} {
		if err := portable.Check(busy); !errors.Is(err, want) {
			t.Errorf("%v is not found: %v", want, err)
		}
	}
	rows := marshal(t, func(s beam.Scope) { beam.Create(s, row{"a"}) })
	if err := portable.Check(rows); !errors.Is(err, portable.ErrRow) {
		t.Errorf("a row is not found: %v", err)
	}
	windows := marshal(t, func(s beam.Scope) { beam.WindowInto(s, window.NewFixedWindows(time.Hour), beam.Create(s, "a")) })
	if err := portable.Check(windows); !errors.Is(err, portable.ErrWindows) {
		t.Errorf("windows are not found: %v", err)
	}
	twice := marshal(t, func(s beam.Scope) { bytesByKey(s, "a"); bytesByKey(s, "b") })
	if err := portable.Check(twice); err != nil {
		t.Fatal(err)
	}
	for _, transform := range twice.GetComponents().GetTransforms() {
		transform.UniqueName = "one name"
	}
	if err := portable.Check(twice); !errors.Is(err, portable.ErrSameName) {
		t.Errorf("equal names are not found: %v", err)
	}
}

// A secret may be in an element of a Create, or in a field of a DoFn.
func TestWhatMustNotTravelIsFoundWhereverItIs(t *testing.T) {
	const secret = "s3cr3t of the house"
	for name, build := range map[string]func(beam.Scope){
		"an element": func(s beam.Scope) { bytesByKey(s, "it is: "+secret+", say no more") },
		"a field": func(s beam.Scope) {
			beam.ParDo(s, &keptFn{State: state.MakeValueState[[]byte]("cell"), Due: timers.InEventTime("due"), Word: secret}, bytesByKey(s, "k"))
		},
	} {
		graph := marshal(t, build)
		err := portable.Check(graph, portable.Forbidden{What: "a secret", Text: secret})
		if !errors.Is(err, portable.ErrFound) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
		if err := portable.Check(graph, portable.Forbidden{What: "nothing"}, portable.Forbidden{What: "another", Text: "another"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
