package snapshot

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"flexbeam/internal/childtest"
)

func TestCopiesOfAFileThatAnotherProcessWritesAreWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	if _, line := childtest.Start(t, childEnv+"="+file); line != "writing\n" {
		t.Fatal(line)
	}
	committed := func() int {
		b, err := os.ReadFile(file + ".committed")
		if err != nil || len(b) != 8 {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		return int(binary.LittleEndian.Uint64(b))
	}
	to, last := filepath.Join(t.TempDir(), "copy.duckdb"), 0
	for range 40 {
		before := committed()
		c, err := Take(t.Context(), file, to)
		if err != nil {
			t.Fatal(err)
		}
		n, err := count(c)
		if err != nil {
			t.Fatal(err)
		}
		if n < before {
			t.Errorf("%d pairs, %d were committed before", n, before)
		}
		last = before
	}
	t.Logf("%d pairs at the end", last)
}
