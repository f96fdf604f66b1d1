package task_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
)

// TestSituationsOfRealAccounts folds the histories under testdata/situations, in batch and in
// stream. Behind a history, a line "== table columns" begins the rows that are right.
func TestSituationsOfRealAccounts(t *testing.T) {
	files, err := filepath.Glob("../../testdata/situations/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no situations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(string(text), "\n== ")
			_, told, _ := strings.Cut(parts[0], "\n") // the first line says what it is
			lines := history.Lines(history.Parse(told), history.All(history.String))
			stream, _ := history.Stream(lines, history.Options{Cut: func() bool { return true }})
			for how, got := range map[string]history.Tables{"batch": history.Fold(lines, history.Options{}), "stream": stream} {
				for _, part := range parts[1:] {
					head, rows, _ := strings.Cut(part, "\n")
					table, columns, _ := strings.Cut(head, " ")
					want := strings.Split(strings.TrimSpace(rows), "\n")
					if d := cmp.Diff(want, got.Show(table, columns)); d != "" {
						t.Errorf("%s: %s (-want +got):\n%s", how, head, d)
					}
				}
			}
		})
	}
}
