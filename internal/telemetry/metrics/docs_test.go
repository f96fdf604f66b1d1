package metrics_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/telemetry/metrics"
)

var update = flag.Bool("update", false, "write the table of docs/operations.md anew")

const operations = "../../../docs/operations.md"

func TestOperationsListEveryMetricAsTheTableDoes(t *testing.T) {
	text := read(t, operations)
	head, rest, ok := strings.Cut(text, "<!-- metrics: ")
	mark, rest, ok2 := strings.Cut(rest, "\n")
	got, tail, ok3 := strings.Cut(rest, "<!-- end of metrics -->")
	if !ok || !ok2 || !ok3 {
		t.Fatal("docs/operations.md has no place for the metrics")
	}
	want := metrics.Docs()
	if *update {
		text = head + "<!-- metrics: " + mark + "\n" + want + "<!-- end of metrics -->" + tail
		if err := os.WriteFile(operations, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/operations.md is not what the table says; make it anew with: go test ./internal/telemetry/metrics -update\n%s", diff)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
