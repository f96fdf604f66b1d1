package duckdb

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// always lets shards find rows by rowid from the first batch on. With a mask of few bits most
// hashes are those of several keys.
func always(l *limits, mask uint64) { l.tableRows, l.smallBatches, l.hashMask = 0, 1, mask }

func TestSinkKeepsItsPromisesWithRowids(t *testing.T) {
	for name, mask := range map[string]uint64{"all hashes differ": ^uint64(0), "many hashes are equal": 7} {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, harness(limited(func(l *limits) { always(l, mask) })))
		})
	}
}

func TestReplaysChangeNothingWithRowids(t *testing.T) {
	for _, mask := range []uint64{^uint64(0), 3} {
		sinktest.Replays(t, harness(limited(func(l *limits) {
			l.insertRows, l.lookRows, l.commitRows = 2, 3, 5
			always(l, mask)
		})))
	}
}

// A stream writes few changes at a time into a large table: rows that are new, that it wrote
// before, that were there before it began, and deletes.
func TestSmallBatchesFindTheirRowsInALargeTable(t *testing.T) {
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	row := func(i, version int, outcome string) change.Change {
		return engagement(map[string]any{"engagement_type": "Agent", "conversation_id": "CO", "task_sid": "WT", "start_time": 1, "engagement_id": fmt.Sprint("WR", i), "row_version": version, "outcome": outcome})
	}
	var before change.Block
	for i := range 1000 {
		before = before.Append(row(i, 1, "before"))
	}
	writeBlocks(t, file, before)
	s, err := openLimited(file+"?writers=2", func(l *limits) { l.tableRows, l.smallBatches = 900, 2 })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i := range 1000 {
		want[fmt.Sprint("WR", i)] = "before"
	}
	for round := range 12 {
		var b change.Block
		for n := range 30 {
			i := (round*31 + n*17) % 1100 // some again and again, some that are not there yet
			c := row(i, round+2, fmt.Sprint("round ", round))
			c.Delete = n%7 == 3
			b = b.Append(c)
			if c.Delete {
				delete(want, fmt.Sprint("WR", i))
			} else {
				want[fmt.Sprint("WR", i)] = fmt.Sprint("round ", round)
			}
			b = b.Append(row(i, 0, "older")) // changes nothing
		}
		if err := s.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range s.(*writer).shards {
		if h.batches[model.EngagementsID].rowids == nil {
			t.Error("a shard still reads the keys of the whole table")
		}
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range readRows(t, file, &model.Engagements) {
		got[model.Engagements.Get(r, "engagement_id").Str] = model.Engagements.Get(r, "outcome").Str
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
