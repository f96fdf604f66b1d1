package snapshot

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flexbeam/internal/testkit/childtest"
)

func TestCopiesOfAFileThatAnotherProcessWritesAreWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	if _, line := childtest.Start(t, childEnv+"="+file); line != "writing\n" {
		t.Fatal(line)
	}
	committed := func() (pairs, steps int) {
		b, err := os.ReadFile(file + ".committed")
		if err != nil || len(b) != 16 {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		return int(binary.LittleEndian.Uint64(b)), int(binary.LittleEndian.Uint64(b[8:]))
	}
	to, anew := filepath.Join(t.TempDir(), "copy.duckdb"), 0
	for i := range 40 {
		before, _ := committed()
		tries := 0
		c, err := take(t.Context(), file, to, func(done int64) {
			if done == 0 {
				tries++
			}
			if done != headerBytes || tries > 1 {
				return
			}
			// As a large file does, the first try takes as long as some steps of the writer.
			_, from := committed()
			for now := from; now < from+i%10; _, now = committed() {
				time.Sleep(time.Millisecond)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if tries > 1 {
			anew++
		}
		n, err := count(c)
		if err != nil {
			t.Fatal(err)
		}
		if n < before {
			t.Errorf("%d pairs, %d were committed before", n, before)
		}
	}
	if anew == 0 {
		t.Error("there was no checkpoint meanwhile")
	}
	t.Logf("%d copies were begun anew", anew)
}
