package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// checkpointsAt has checkpoints made as soon as the log has so many bytes.
func checkpointsAt(bytes int64) func(*limits) {
	return func(l *limits) { l.checkpointBytes, l.checkpointShare = bytes, 0 }
}

func TestReplaysChangeNothingWithACheckpointAtEachFlush(t *testing.T) {
	sinktest.Replays(t, harness(limited(checkpointsAt(0))))
}

// DuckDB itself makes no checkpoint at a commit while another connection writes.
func TestTheLogOfSeveralWritersStaysSmall(t *testing.T) {
	const most = 64 << 10
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	s, err := openLimited(file+"?writers=3", checkpointsAt(most))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(ctx)
	blocks := sinktest.Engagements(600, 1<<20, 1)
	flush := func(round int64) {
		for _, block := range blocks {
			var newer change.Block
			if err := block.Each(func(c change.Change) error {
				c.Row[model.Engagements.Col("row_version")].Num += round
				c.Row[model.Engagements.Col("outcome")] = model.Text(fmt.Sprint("round ", round))
				newer = newer.Append(c)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if err := s.Write(ctx, newer); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	log := func() int64 {
		fi, err := os.Stat(file + ".wal")
		if err != nil {
			return 0
		}
		return fi.Size()
	}
	flush(0)
	for round := range int64(20) {
		flush(1 + round)
		if got := log(); got >= most { // a Flush that leaves as much makes a checkpoint
			t.Fatalf("after %d rounds the log has %d bytes, wanted less than %d", round+1, got, most)
		}
	}
	if made := s.(*writer).store.checkpoints.made; made < 3 || made > 15 {
		t.Errorf("%d checkpoints for 21 flushes of about 20 kB", made)
	}
}

func TestCheckpointsTakeAShareOfTheTime(t *testing.T) {
	now, l := time.Unix(1_000_000, 0), defaultLimits()
	for _, c := range []struct {
		what string
		of   checkpoints
		log  int64
		want bool
	}{
		{"the log is short", checkpoints{}, l.checkpointBytes - 1, false},
		{"the first one", checkpoints{}, l.checkpointBytes, true},
		{"the last one was quick", checkpoints{ended: now.Add(-10 * time.Second), took: 200 * time.Millisecond}, l.checkpointBytes, true},
		{"the last one was slow", checkpoints{ended: now.Add(-10 * time.Second), took: time.Second}, l.checkpointBytes, false},
		{"the last one was slow, a while ago", checkpoints{ended: now.Add(-50 * time.Second), took: time.Second}, l.checkpointBytes, true},
	} {
		if got := c.of.due(&l, c.log, now); got != c.want {
			t.Errorf("%s: got %v", c.what, got)
		}
	}
}

// A Flush that reaches some shards only must not keep those waiting for the others.
func TestAfterAFlushThatWasCanceledComesAnother(t *testing.T) {
	ctx := context.Background()
	s, err := openLimited(filepath.Join(t.TempDir(), "calls.duckdb")+"?writers=3", checkpointsAt(0))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(ctx)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	for i, block := range sinktest.Engagements(400, 8<<10, 1) {
		if err := s.Write(ctx, block); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(canceled); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if i%8 == 0 {
			if err := s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Counts(ctx); err != nil || n["engagements"] != 400 {
		t.Errorf("got %v, %v", n, err)
	}
}
