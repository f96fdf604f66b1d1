package dofn

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph"
)

var errNegative = errors.New("negative")

type doubleFn struct{ Factor int }

func (fn *doubleFn) Setup() error { return nil }

func (fn *doubleFn) ProcessElement(n int, emit func(int)) error {
	if n < 0 {
		return errNegative
	}
	emit(fn.Factor * n)
	return nil
}

func init() {
	Register(func(fn *doubleFn) []Method {
		return []Method{{"ProcessElement", fn.ProcessElement, func(a []any) error {
			return fn.ProcessElement(a[0].(int), a[1].(func(int)))
		}}}
	})
}

func TestBeamCallsTheMethodOfTheInstanceAndTheOthersByReflection(t *testing.T) {
	f, err := graph.NewFn(&doubleFn{Factor: 3})
	if err != nil {
		t.Fatal(err)
	}
	do, err := graph.AsDoFn(f, graph.MainSingle)
	if err != nil {
		t.Fatal(err)
	}
	call := do.ProcessElementFn()
	if _, ok := call.Fn.(*function); !ok || call.Fn.Name() != "dofn.doubleFn.ProcessElement" {
		t.Errorf("ProcessElement is called by %T, as %q", call.Fn, call.Fn.Name())
	}
	if s := do.SetupFn(); s == nil {
		t.Error("Setup is not known")
	}
	var got []int
	emit := func(n int) { got = append(got, n) }
	if out := call.Fn.Call([]any{14, emit}); len(out) != 1 || out[0] != nil || len(got) != 1 || got[0] != 42 {
		t.Errorf("returned %v, emitted %v", out, got)
	}
	if out := call.Fn.Call([]any{-1, emit}); len(out) != 1 || out[0] != errNegative || len(got) != 1 {
		t.Errorf("returned %v, emitted %v", out, got)
	}
}

type otherFn struct{}

func (*otherFn) ProcessElement(string) {}

func TestAMethodThatTheDoFnHasNotIsTold(t *testing.T) {
	for name, m := range map[string]Method{
		"another name":     {"Process", (*otherFn)(nil).ProcessElement, nil},
		"no error":         {"ProcessElement", (*otherFn)(nil).ProcessElement, nil},
		"another function": {"ProcessElement", func() error { return nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, "dofn.otherFn has no method "+m.Name) {
					t.Errorf("panic %q", s)
				}
			}()
			Register(func(*otherFn) []Method { return []Method{m} })
		})
	}
}
