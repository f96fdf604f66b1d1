package sink_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flexbeam/pipeline/sink"
	_ "flexbeam/pipeline/sink/jsonl"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// apart:DIR is a sink whose turn_contents are in a folder of their own.
func init() {
	sink.Register("apart", func(ctx context.Context, dir string, o sink.Options) (sink.Sink, error) {
		o.Texts = "jsonl:" + filepath.Join(dir, "texts")
		return sink.Open(ctx, "jsonl:"+filepath.Join(dir, "rest"), o)
	})
}

// What settles, and how much a store holds, is the business of its two sinks, which have the suite behind
// them.
func TestASinkWithTextsApartKeepsThePromisesOverItsTables(t *testing.T) {
	h := sinktest.Harness{
		Place: func(t testing.TB) string { return "apart:" + t.TempDir() },
		Rows: func(t testing.TB, uri string, table *model.Table) []model.Row {
			part := "rest"
			if table.ID == model.TurnContentsID {
				part = "texts"
			}
			return rowsOf(t, filepath.Join(strings.TrimPrefix(uri, "apart:"), part), table)
		},
		Away: func(t testing.TB, uri string) string {
			moved := t.TempDir()
			if err := os.Rename(strings.TrimPrefix(uri, "apart:"), filepath.Join(moved, "x")); err != nil {
				t.Fatal(err)
			}
			return "apart:" + filepath.Join(moved, "x")
		},
	}
	t.Run("replays", func(t *testing.T) { sinktest.Replays(t, h) })
	t.Run("rewritings", func(t *testing.T) { sinktest.Rewrites(t, h) })
}

func TestTextsAreInTheirOwnSinkAlone(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	s, err := sink.Open(ctx, "apart:"+dir, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b change.Block
	for _, table := range []*model.Table{&model.Turns, &model.TurnContents} {
		r := table.NewRow()
		for i, c := range table.Columns {
			if r[i] = model.Text("a text"); c.Type != model.String {
				r[i] = model.Value{Type: c.Type, Num: 1}
			}
		}
		b = b.Append(change.Change{Table: table.ID, Row: r})
	}
	if err := s.Write(ctx, b); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	counts, err := s.Counts(ctx)
	if err != nil || counts["turns"] != 1 || counts["turn_contents"] != 1 {
		t.Errorf("%v, %v", counts, err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[*model.Table][2]int{&model.Turns: {1, 0}, &model.TurnContents: {0, 1}} {
		got := [2]int{len(rowsOf(t, filepath.Join(dir, "rest"), table)), len(rowsOf(t, filepath.Join(dir, "texts"), table))}
		if got != want {
			t.Errorf("%s: %v rows in the two sinks, want %v", table.Name, got, want)
		}
	}
}

// rowsOf reads the rows of a table from a folder.
func rowsOf(t testing.TB, dir string, table *model.Table) []model.Row {
	t.Helper()
	s, err := sink.Open(context.Background(), "jsonl:"+dir, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	var all []model.Row
	err = s.Rows(context.Background(), table.ID, "", nil, func(r model.Row) error {
		all = append(all, append(model.Row(nil), r...))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
