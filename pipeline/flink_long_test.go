//go:build flinklong

package pipeline

import (
	"path/filepath"
	"testing"

	"flexbeam/internal/testkit/flinklocal"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/source/file"
)

func TestAStreamOnFlinkOutlivesTenKillsOfItsTaskManager(t *testing.T) {
	for _, parallelism := range []int{1, 2} {
		killTaskManagers(t, 10, parallelism)
	}
}

func TestABatchOnFlinkGivesTheTablesOfTheFold(t *testing.T) {
	d := simulated(t)
	o, got := onFlink(t), history.NewStore()
	o.Mode, o.Source, o.Sink, o.Flink.Parallelism = Batch, "file:"+filepath.Join(d.dir, "*.ndjson*"), memory(got), 2
	if _, err := run(t.Context(), t, o, file.ChunkSize); err != nil {
		t.Fatal(err)
	}
	if d := history.Diff(d.tables, got.Tables()); d != "" {
		t.Errorf("the fold and Flink: %.3000s", d)
	}
}

func TestAReplayOnFlinkWithRocksDBGivesTheTablesOfTheFold(t *testing.T) {
	d := simulated(t)
	c, err := flinklocal.Start(t.Context(), flinklocal.Options{
		Dir: t.TempDir(), TaskManagers: 2, Slots: 1, Config: map[string]string{"state.backend.type": "rocksdb"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	o, got := onFlink(t), history.NewStore()
	o.Flink.Endpoint, o.Flink.REST = c.Endpoint(), c.REST()
	o.Source, o.Sink, o.Flink.Parallelism = "file:"+filepath.Join(d.dir, "*.ndjson*"), memory(got), 2
	if _, err := run(t.Context(), t, o, 1<<20); err != nil {
		t.Fatal(err)
	}
	if d := history.Diff(d.tables, got.Tables()); d != "" {
		t.Errorf("the fold and Flink: %.3000s", d)
	}
}
