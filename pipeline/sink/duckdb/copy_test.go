package duckdb

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"flexbeam/internal/snapshot"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

const (
	roundRows = 3000 // engagements that every round writes newer versions of
	roundMore = 100  // engagements that a round adds
)

// rounds writes rounds of engagements with three writers, a flush after each and a checkpoint after
// some, until it is killed.
func rounds(ctx context.Context, file string) error {
	s, err := openLimited(file+"?writers=3", func(l *limits) { l.checkpointBytes, l.checkpointShare = 4<<20, 2 })
	if err != nil {
		return err
	}
	e := &model.Engagements
	for round := 1; ; round++ {
		for seed, n := range map[int]int{0: roundRows, round: roundMore} {
			for _, block := range sinktest.Engagements(n, 1<<20, uint64(seed)) {
				var b change.Block
				err := block.Each(func(c change.Change) error {
					c.Row[e.Col("row_version")] = model.Integer(int64(round))
					c.Row[e.Col("category")] = model.Text(fmt.Sprint("seed ", min(seed, 1)))
					b = b.Append(c)
					return nil
				})
				if err != nil {
					return err
				}
				if err := s.Write(ctx, b); err != nil {
					return err
				}
			}
		}
		if err := s.Flush(ctx); err != nil {
			return err
		}
		fmt.Println(round)
	}
}

func TestACopyOfAFileThatIsWrittenHasWhatWasFlushed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.duckdb")
	_, out := startChild(t, "rounds:"+file)
	to := filepath.Join(t.TempDir(), "copy.duckdb")
	flushed := 0
	for range 25 {
		for wait := flushed + 2; flushed < wait; {
			if !out.Scan() {
				t.Fatal("the child has ended")
			}
			if _, err := fmt.Sscan(out.Text(), &flushed); err != nil {
				t.Fatal(out.Text())
			}
		}
		c, err := snapshot.Take(t.Context(), file, to)
		if err != nil {
			t.Fatal(err)
		}
		db := connect(t, c.File)
		var every, least, most, others, keys int
		err = db.QueryRow(`SELECT count(*) FILTER (category = 'seed 0'), min(row_version) FILTER (category = 'seed 0'), max(row_version), count(*) FILTER (category = 'seed 1'),
			count(DISTINCT (account_sid, engagement_id)) + 0 * (bit_xor(hash(e)) % 2)::BIGINT FROM engagements e`).Scan(&every, &least, &most, &others, &keys)
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
		if every != roundRows || keys != every+others || least < flushed || most > least+1 || others < flushed*roundMore || others > most*roundMore {
			t.Errorf("after round %d: %d rows of rounds %d to %d, %d others, %d keys", flushed, every, least, most, others, keys)
		}
	}
}
