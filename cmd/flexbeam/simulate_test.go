package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func TestSimulateGivesTheSameBytesForTheSameFlags(t *testing.T) {
	args := []string{"simulate", "--events=2000", "--form=mixed", "--disorder=5m", "--duplicates=0.05", "--dirty=0.01", "--seed=7"}
	first, second := call(t, args...), call(t, args...)
	if first.code != 0 || first.out == "" || first.out != second.out {
		t.Errorf("exit %d, %d and %d bytes", first.code, len(first.out), len(second.out))
	}
	if third := call(t, append(args, "--seed=8")...); third.out == first.out {
		t.Errorf("another seed, the same bytes")
	}
	if !strings.HasPrefix(first.errors, "standard output: 2,000 events of ") || !strings.Contains(first.errors, " duplicates, ") {
		t.Errorf("summary: %s", first.errors)
	}
}

func TestSimulateCompressesByTheEndingOfTheName(t *testing.T) {
	dir := t.TempDir()
	want := call(t, "simulate", "--tasks=50", "--hours=2").out
	tests := []struct {
		name string
		open func(io.Reader) (io.Reader, error)
	}{
		{"day.ndjson", func(r io.Reader) (io.Reader, error) { return r, nil }},
		{"day.ndjson.gz", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"day.ndjson.zst", func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(dir, tt.name)
			r := call(t, "simulate", "--tasks=50", "--hours=2", "--out", file)
			if r.code != 0 || r.out != "" || !strings.Contains(r.errors, "next: flexbeam run --source file:"+file) {
				t.Fatalf("exit %d: %s", r.code, r.errors)
			}
			packed, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := tt.open(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(plain)
			if err != nil || string(got) != want {
				t.Errorf("%d bytes, want %d: %v", len(got), len(want), err)
			}
		})
	}
}

func TestSimulateTakesEveryOption(t *testing.T) {
	r := call(t, "simulate", "--seed=3", "--start=1772439300", "--hours=3", "--agents=6", "--tasks=40", "--accounts=2", "--form=string",
		"--disorder=1m", "--duplicates=0.1", "--losses=0.1", "--dirty=0.1", "--partial=0.1", "--joined=0.1", "--progress=none")
	if r.code != 0 {
		t.Fatal(r.errors)
	}
	accounts := map[string]bool{}
	for _, line := range strings.Split(r.out, "\n") {
		var e struct{ Data string }
		var d struct {
			Payload struct {
				Account string `json:"account_sid"`
			}
		}
		if json.Unmarshal([]byte(line), &e) == nil && json.Unmarshal([]byte(e.Data), &d) == nil && d.Payload.Account != "" {
			accounts[d.Payload.Account] = true
		}
	}
	if len(accounts) != 2 {
		t.Errorf("accounts %v", accounts)
	}
	for _, want := range []string{"duplicates", "lost", "broken", "joined"} {
		if !strings.Contains(r.errors, want) {
			t.Errorf("%q is missing in: %s", want, r.errors)
		}
	}
}
