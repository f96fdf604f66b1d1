package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime"
	"github.com/google/go-cmp/cmp"
)

// registered returns what the packages of a command register with Beam: the names of types and
// functions, with their packages.
func registered(t *testing.T, command string) (types, functions []string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-f", `{{if .Module}}{{if .Module.Main}}{{$p := .}}{{range .GoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}
{{end}}{{range .CgoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}
{{end}}{{end}}{{end}}`, command).Output()
	if err != nil {
		t.Fatal(err)
	}
	ofTypes, ofFunctions := map[string]bool{}, map[string]bool{}
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		pkg, path, ok := strings.Cut(s.Text(), " ")
		if !ok {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch name := selector(call.Fun); name {
			case "dofn.Register":
				hot := call.Args[0].(*ast.FuncLit) // of a DoFn's pointer
				ofTypes[pkg+"."+ident(hot.Type.Params.List[0].Type.(*ast.StarExpr).X)] = true
			case "beam.RegisterDoFn", "beam.RegisterType":
				if pkg == "flexbeam/internal/dofn" {
					return true // that is how dofn.Register registers
				}
				ofTypes[typeIn(t, file, pkg, call.Args[0])] = true
			case "beam.RegisterFunction":
				ofFunctions[pkg+"."+ident(call.Args[0])] = true
			case "beam.RegisterCoder":
				ofTypes[typeIn(t, file, pkg, call.Args[0])] = true
				ofFunctions[pkg+"."+ident(call.Args[1])] = true
				ofFunctions[pkg+"."+ident(call.Args[2])] = true
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(ofTypes)), slices.Sorted(maps.Keys(ofFunctions))
}

func selector(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return ident(s.X) + "." + s.Sel.Name
	}
	return ""
}

func ident(e ast.Expr) string {
	if i, ok := e.(*ast.Ident); ok {
		return i.Name
	}
	return ""
}

// typeIn returns the name of the type in an argument such as &Fn{} or reflect.TypeFor[T]().
func typeIn(t *testing.T, file *ast.File, pkg string, e ast.Expr) string {
	t.Helper()
	name := ""
	ast.Inspect(e, func(n ast.Node) bool {
		var of ast.Expr
		switch n := n.(type) {
		case *ast.CompositeLit:
			of = n.Type
		case *ast.IndexExpr:
			of = n.Index
		default:
			return true
		}
		if name = pkg + "." + ident(of); ident(of) == "" {
			from, typ, _ := strings.Cut(selector(of), ".")
			for _, i := range file.Imports {
				if path := strings.Trim(i.Path.Value, `"`); filepath.Base(path) == from {
					name = path + "." + typ
				}
			}
		}
		return false
	})
	if name == "" {
		t.Errorf("%s registers a type in a way that this test does not read", pkg)
	}
	return name
}

// noSymbols stands for a program without symbols, which the worker is: a function that is not
// registered is found nowhere.
type noSymbols struct{}

var errNoSymbol = errors.New("not registered")

func (noSymbols) Sym2Addr(name string) (uintptr, error) {
	return 0, fmt.Errorf("%s: %w", name, errNoSymbol)
}

// What the command line submits is run by the worker, which knows transforms, coders and functions by
// their registered names.
func TestWorkerSharesEveryRegisteredNameWithTheCommandLine(t *testing.T) {
	was := runtime.Resolver
	runtime.Resolver = noSymbols{}
	t.Cleanup(func() { runtime.Resolver = was })
	types, functions := registered(t, ".")
	ofCLI, functionsOfCLI := registered(t, "../flexbeam")
	if d := cmp.Diff(ofCLI, types); d != "" {
		t.Errorf("types (-command line +worker):\n%s", d)
	}
	if d := cmp.Diff(functionsOfCLI, functions); d != "" {
		t.Errorf("functions (-command line +worker):\n%s", d)
	}
	if len(types) < 20 || len(functions) < 15 {
		t.Fatalf("only %d types and %d functions are found", len(types), len(functions))
	}
	for _, name := range types {
		if _, ok := runtime.LookupType(name); !ok {
			t.Errorf("the worker does not know the type %s", name)
		}
	}
	for _, name := range functions {
		if _, err := runtime.ResolveFunction(name, reflect.TypeFor[func()]()); err != nil {
			t.Errorf("the worker does not know the function %s: %v", name, err)
		}
	}
}

// The graphs of all jobs for remote runners are golden files of the pipeline.
func TestWorkerKnowsTheDoFnsAndCodersOfEveryGraph(t *testing.T) {
	was := runtime.Resolver
	runtime.Resolver = noSymbols{}
	t.Cleanup(func() { runtime.Resolver = was })
	graphs, err := filepath.Glob("../../pipeline/testdata/graphs/*.golden")
	if err != nil || len(graphs) < 5 {
		t.Fatalf("%d graphs, %v", len(graphs), err)
	}
	n := 0
	for _, path := range graphs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" <>,", r) }) {
				if !strings.Contains(word, "/") {
					continue
				}
				n++
				_, isType := runtime.LookupType(word)
				_, err := runtime.ResolveFunction(word, reflect.TypeFor[func()]())
				if !isType && err != nil {
					t.Errorf("%s: the worker does not know the %s %s", filepath.Base(path), kind, word)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no name is found: the test shows nothing")
	}
}
