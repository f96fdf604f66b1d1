// Package dofn registers DoFns whose methods are called for every element, so that Beam calls them
// without reflection.
//
// Beam's own way, register.DoFnNxM, makes code for each combination of types: up to 25 seconds of
// compile time a package, and a quarter of the program. Reflection allocates for every argument of
// every call. Here a DoFn names its few hot methods and says how each is called; all others stay
// with reflection.
package dofn

import (
	"fmt"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/reflectx"
)

// A Method is a method of a DoFn with a way to call it.
type Method struct {
	Name string                 // such as ProcessElement
	Func any                    // the method value
	Call func(args []any) error // calls it with as many arguments as it has, each of its type
}

// Register registers the type of a DoFn. hot returns, for an instance, the methods that are called
// directly; each returns an error and nothing else. Register panics if T has no such method: it is
// for init.
func Register[T any](hot func(fn *T) []Method) {
	beam.RegisterDoFn(new(T))
	t := reflect.TypeFor[T]()
	for _, m := range hot(new(T)) {
		has, ok := reflect.PointerTo(t).MethodByName(m.Name)
		f := reflect.TypeOf(m.Func)
		if !ok || f.NumIn() != has.Type.NumIn()-1 || f.NumOut() != 1 || f.Out(0) != reflect.TypeFor[error]() {
			panic(fmt.Sprintf("dofn: %v has no method %s of type %v that returns an error", t, m.Name, f))
		}
	}
	reflectx.RegisterStructWrapper(t, func(fn any) map[string]reflectx.Func {
		funcs := make(map[string]reflectx.Func)
		for _, m := range hot(fn.(*T)) {
			funcs[m.Name] = &function{Method: m, name: t.String() + "." + m.Name}
		}
		return funcs
	})
}

// function is a Method as Beam knows functions.
type function struct {
	Method
	name string
}

func (f *function) Name() string       { return f.name }
func (f *function) Type() reflect.Type { return reflect.TypeOf(f.Func) }

// noError is what a call without an error returns. Beam only reads it.
var noError = []any{nil}

func (f *function) Call(args []any) []any {
	if err := f.Method.Call(args); err != nil {
		return []any{err}
	}
	return noError
}
