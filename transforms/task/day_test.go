package task_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/model"
)

// TestTheSampleDayFoldsInMemoryToItsGoldenTables compares the plain fold with the tables that the
// program itself left.
func TestTheSampleDayFoldsInMemoryToItsGoldenTables(t *testing.T) {
	const root = "../../testdata/"
	f, err := os.Open(root + "day.ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	asOf := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	got := history.Fold(bytes.SplitAfter(data, []byte{'\n'}), history.Options{Name: "testdata/day.ndjson.gz", AsOf: asOf.UnixMilli()})
	for _, table := range []*model.Table{&model.Engagements, &model.Agents, &model.AgentStatus, &model.Customers, &model.DeadLetters} {
		golden, err := os.ReadFile(root + "golden/" + table.Name + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		want, rows := sorted(t, golden), sorted(t, got.JSON(table.Name))
		if len(want) == 0 || len(want) != len(rows) {
			t.Errorf("%s: %d rows, want %d", table.Name, len(rows), len(want))
			continue
		}
		for i := range want {
			if d := cmp.Diff(want[i], rows[i]); d != "" {
				t.Errorf("%s (-want +got):\n%s", table.Name, d)
				break
			}
		}
	}
}

// sorted reads JSON lines into rows of the same spelling and sorts them.
func sorted(t *testing.T, lines []byte) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(string(lines)) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		b, err := json.MarshalIndent(row, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	slices.Sort(all)
	return all
}
