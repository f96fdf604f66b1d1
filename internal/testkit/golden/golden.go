// Package golden compares what tests make with files that are changed only on purpose: with
// FLEXBEAM_GOLDEN=update in the environment, as make golden has it. A flag -update would be that of
// Dataflow's runner, which tests of Beam link.
package golden

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = os.Getenv("FLEXBEAM_GOLDEN") == "update"

// Text compares a text with that of a file.
func Text(t *testing.T, path, got string) {
	t.Helper()
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got), make golden writes it anew:\n%s", path, d)
	}
}

// An Encoding is a value in the bytes in which a runner, or a log, stores it.
type Encoding struct {
	Name  string
	Bytes []byte
}

// file holds the encodings of a package.
const file = "testdata/encodings.golden"

// Encodings compares encodings with those in testdata/encodings.golden: what an earlier version has
// stored is read for ever, so a form that is there never changes, and a new one has a new number.
func Encodings(t *testing.T, all ...Encoding) {
	t.Helper()
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "%s %s\n", e.Name, hex.EncodeToString(e.Bytes))
	}
	Text(t, file, b.String())
}
