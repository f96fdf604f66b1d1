package model

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateDocs = flag.Bool("update", false, "write docs/model.md anew")

func TestDocsFileIsCurrent(t *testing.T) {
	const file = "../../docs/model.md"
	got := Docs()
	if *updateDocs {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: make it with: go test ./schemas/model -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/model.md is not what the model says; make it anew with: go test ./schemas/model -update\n%s", diff)
	}
}

func TestDocsNameEveryColumn(t *testing.T) {
	docs := string(Docs())
	for _, table := range Tables {
		_, part, ok := strings.Cut(docs, "\n## "+table.Name+"\n")
		if !ok {
			t.Errorf("no section for %s", table.Name)
			continue
		}
		part, _, _ = strings.Cut(part, "\n## ")
		for _, c := range table.Columns {
			if !strings.Contains(part, "| `"+c.Name+"` |") {
				t.Errorf("%s.%s is missing", table.Name, c.Name)
			}
		}
	}
	for _, line := range strings.Split(docs, "\n") {
		if strings.HasPrefix(line, "| `") {
			if n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); n != 7 && n != 3 {
				t.Errorf("a row with %d bars: %s", n, line)
			}
		}
	}
}
