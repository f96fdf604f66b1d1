package local

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/journal"
)

func TestADirectoryTellsItsSinkAndPositionsWhileAJobRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if p, err := Peek(dir); err != nil || p.Owner != (Sink{}) || len(p.Positions) > 0 || p.Holder != "" {
		t.Errorf("before: %+v, %v", p, err)
	}
	s, _, err := Open(Options{Dir: dir, Sink: Sink{ID: "id", Name: "duckdb:calls.duckdb"}})
	if err != nil {
		t.Fatal(err)
	}
	s.SetPosition("kinesis:a", []byte("1"))
	s.SetPosition("kinesis:b", []byte("1"))
	s.SetPosition("kinesis:a", []byte("2"))
	s.ForgetPosition("kinesis:b")
	if err := s.Checkpoint(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	want := Peeked{Owner: Sink{ID: "id", Name: "duckdb:calls.duckdb"}, Positions: map[string][]byte{"kinesis:a": []byte("2")}, Holder: strconv.Itoa(os.Getpid())}
	p, err := Peek(dir)
	if diff := cmp.Diff(want, p); diff != "" || err != nil {
		t.Errorf("while it runs: %v, %s", err, diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want.Holder = ""
	if p, err = Peek(dir); err != nil || cmp.Diff(want, p) != "" {
		t.Errorf("afterwards: %+v, %v", p, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "state"), []byte("no log at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Peek(dir); !errors.Is(err, journal.ErrForeign) {
		t.Error(err)
	}
}
