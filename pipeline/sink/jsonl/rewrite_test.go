package jsonl

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// TestARewritingThatAKillCutOffIsFinishedOrForgotten cuts a Rewrite off between its files: before all
// new ones are written nothing has changed, behind that the next sink has them all.
func TestARewritingThatAKillCutOffIsFinishedOrForgotten(t *testing.T) {
	ctx := context.Background()
	before, after := sink.Shape{ContactKey: "a", Options: "o"}, sink.Shape{ContactKey: "b", Options: "o"}
	request := sink.Rewriting{After: after, Tables: []sink.TableRewriting{
		{Table: model.CustomersID, Texts: []string{"contact_id"}, Text: func(cells []string) { cells[0] += " new" }},
		{Table: model.DeadLettersID, Empty: "payload"},
	}}
	tests := []struct {
		name string
		cut  func(t *testing.T, w *writer, dir string)
		want string
		is   sink.Shape
	}{
		{"before the last file", func(t *testing.T, w *writer, dir string) {
			must(t, w.stageRewritten(ctx, request))
			must(t, os.Remove(filepath.Join(dir, rewrittenFile)))
			must(t, os.Remove(filepath.Join(dir, "dead_letters.jsonl.rewritten")))
		}, "+1", before},
		{"behind the last file", func(t *testing.T, w *writer, dir string) { must(t, w.stageRewritten(ctx, request)) }, "+1 new", after},
		{"behind the first that is in its place", func(t *testing.T, w *writer, dir string) {
			must(t, w.stageRewritten(ctx, request))
			must(t, os.Rename(filepath.Join(dir, "customers.jsonl.rewritten"), filepath.Join(dir, "customers.jsonl")))
		}, "+1 new", after},
		{"before the mark is gone", func(t *testing.T, w *writer, dir string) {
			must(t, w.stageRewritten(ctx, request))
			mark, err := os.ReadFile(filepath.Join(dir, rewrittenFile))
			must(t, err)
			must(t, w.placeRewritten())
			must(t, os.WriteFile(filepath.Join(dir, rewrittenFile), mark, 0o666))
		}, "+1 new", after},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := open(ctx, dir, sink.Options{})
			must(t, err)
			row := model.Customers.NewRow()
			for name, text := range map[string]string{"contact_id": "+1", "contact_kind": "phone"} {
				row[model.Customers.Col(name)] = model.Text(text)
			}
			row[model.Customers.Col("isolated")] = model.Boolean(false)
			row[len(row)-1] = model.Integer(1)
			must(t, s.Write(ctx, change.Block(nil).Append(change.Change{Table: model.CustomersID, Row: row})))
			must(t, s.Flush(ctx))
			must(t, s.SetShape(ctx, before))
			test.cut(t, s.(*writer), dir)
			must(t, s.(*writer).lock.Close()) // as a kill does

			s, err = open(ctx, dir, sink.Options{})
			must(t, err)
			if is, err := s.Shape(ctx); err != nil || is != test.is {
				t.Errorf("the shape is %+v, %v; want %+v", is, err, test.is)
			}
			must(t, s.Close(ctx))
			text, err := os.ReadFile(filepath.Join(dir, "customers.jsonl"))
			must(t, err)
			if !bytes.Contains(text, []byte(`"contact_id":"`+test.want+`"`)) {
				t.Errorf("the rows are\n%s", text)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*rewritten")); len(left) > 0 {
				t.Errorf("files are left: %q", left)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".rewritten")); len(left) > 0 {
				t.Errorf("the mark is left: %q", left)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
