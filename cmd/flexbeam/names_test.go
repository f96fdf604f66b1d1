package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// known are names of packages that users know too: schemes of URIs, runners, commands, flags.
var known = map[string]bool{
	"bigquery": true, "direct": true, "duckdb": true, "file": true, "jsonl": true, "kinesis": true, "metrics": true, "prism": true, "simulate": true,
}

// Errors begin with what was done, not with the name of a package, of which users know nothing.
func TestNoErrorNamesAPackage(t *testing.T) {
	root := filepath.Join("..", "..")
	packages, errors := map[string]bool{"scratch": true}, map[string]string{} // by place
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "bench" || name == "tools" || name == "testdata" || name == "kinesistest" || strings.HasPrefix(name, ".") && name != ".."):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		packages[file.Name.Name] = true
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			if text, ok := call.Args[0].(*ast.BasicLit); ok && text.Kind == token.STRING && makesError(call.Fun) {
				errors[set.Position(text.Pos()).String()], _ = strconv.Unquote(text.Value)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 40 || len(errors) < 100 {
		t.Fatalf("found %d packages and %d errors only", len(packages), len(errors))
	}
	first := regexp.MustCompile(`^([a-z][a-z0-9-]*): `)
	for place, text := range errors {
		if m := first.FindStringSubmatch(text); m != nil && packages[strings.ReplaceAll(m[1], "-", "")] && !known[m[1]] {
			t.Errorf("%s: %q begins with the name of a package", place, text)
		}
	}
}

// makesError tells whether a function makes an error from a text.
func makesError(fn ast.Expr) bool {
	s, ok := fn.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && (pkg.Name == "errors" && s.Sel.Name == "New" || pkg.Name == "fmt" && s.Sel.Name == "Errorf")
}
