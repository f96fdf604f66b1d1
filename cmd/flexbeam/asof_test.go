package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnAsOfInTheFutureIsWarnedOf(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "day.ndjson"), "")
	for at, warned := range map[time.Duration]bool{-time.Hour: false, 48 * time.Hour: true} {
		asOf := time.Now().Add(at).UTC().Format(time.RFC3339)
		r := call(t, "run", "--source=file:"+file, "--sink=jsonl:"+filepath.Join(dir, at.String()), "--as-of="+asOf)
		if r.code != 0 || strings.Contains(r.errors, "--as-of is in the future") != warned {
			t.Errorf("%v from now: exit %d: %s", at, r.code, r.errors)
		}
	}
}
