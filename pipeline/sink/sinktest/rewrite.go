package sinktest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

const rewriteMark = " rewritten"

// A rewriting is what the test has rewritten: some rows of three tables.
type rewriting struct {
	t      *testing.T
	passed int
	stop   func(passed int) // is told how many rows were passed
}

// text marks a cell that no earlier call has marked, unless it says that it is to be left.
func (w *rewriting) text(i int) func(cells []string) {
	return func(cells []string) {
		w.passed++
		w.stop(w.passed)
		if strings.Contains(cells[i], rewriteMark) {
			w.t.Errorf("the row %q is rewritten again", cells)
		}
		if !strings.Contains(cells[i], "left") {
			cells[i] += rewriteMark
		}
	}
}

func (w *rewriting) request() sink.Rewriting {
	return sink.Rewriting{
		Tables: []sink.TableRewriting{
			{Table: model.EngagementsID, Texts: []string{"contact_id", "task_sid", "queue"}, Text: w.text(2)},
			{Table: model.CustomersID, Texts: []string{"state", "contact_id"}, Text: w.text(1)},
			{Table: model.DeadLettersID, Empty: "payload"},
		},
		During: sink.Shape{ContactKey: "during", Options: "o"}, After: sink.Shape{ContactKey: "after", Options: "o"},
	}
}

// Rewrites ends a Rewrite at each row, by an error and by a kill, and goes on.
func Rewrites(t *testing.T, h Harness) {
	const rows = 3
	ctx := context.Background()
	before := sink.Shape{ContactKey: "before", Options: "o"}
	for stopAt := range 2*rows + 2 { // one engagement more than rows
		r := newRun(t, h)
		if stopAt == 0 && !canRewrite(t, r) {
			return
		}
		for i := range rows {
			letter := upsert(&model.DeadLetters, i, 1, "left")
			if i%2 > 0 {
				letter.Row[letter.Of().Col("payload")] = model.Value{Type: model.Bytes, Str: "bytes"}
			}
			r.write(upsert(&model.Engagements, i, int64(i), "queue"), upsert(&model.Customers, i, int64(i), "state"), letter)
		}
		empty := upsert(&model.Engagements, rows, 3, "")
		for i, c := range model.Engagements.Columns {
			if c.Required && empty.Row[i].IsNull() {
				empty.Row[i] = model.Text("left")
				if c.Type == model.Bool {
					empty.Row[i] = model.Boolean(true)
				}
			}
		}
		empty.Row[model.Engagements.Col("queue")] = model.Text("left\x00as it is")
		r.write(empty, upsert(&model.Customers, 50, 5, "gone"), remove(&model.Customers, 50, 6))
		r.must(r.s.SetShape(ctx, before))
		r.reopen()

		ended, end := context.WithCancelCause(ctx)
		stop := errors.New("stop")
		w := &rewriting{t: t, stop: func(n int) {
			if n == stopAt {
				end(stop)
			}
		}}
		err := r.s.Rewrite(ended, w.request())
		if stopAt == 0 {
			r.must(err)
		} else if !errors.Is(err, stop) {
			t.Fatalf("stopped at row %d: %v", stopAt, err)
		} else {
			again(r, stopAt, before, w)
		}
		end(nil)
		if got, err := r.s.Shape(ctx); err != nil || got != w.request().After {
			t.Errorf("the shape is %+v, %v", got, err)
		}
		r.reopen()
		r.write(upsert(&model.Customers, 50, 5, "an older one"), // its delete is remembered
			upsert(&model.Engagements, 2, 1, "an older one"))
		if !h.KeepsOldKeys {
			r.write(upsert(&model.Customers, 1, 0, "an old key")) // and that is not: the old key is forgotten
		}
		wantRewritten(r, rows, empty.Row)
		r.s = nil
	}
}

// again reopens a store whose rewriting was stopped, as it is or as a kill leaves it, and has it go on.
func again(r *run, stopAt int, before sink.Shape, w *rewriting) {
	if stopAt%2 > 0 && r.h.Kill != nil {
		uri := r.h.Kill(r.t, r.uri)
		r.s.Close(context.Background())
		r.uri = uri
	} else {
		r.s.Close(context.Background())
	}
	r.open()
	if got, err := r.s.Shape(context.Background()); err != nil || got != before && got != w.request().During {
		r.t.Errorf("stopped at row %d, the shape is %+v, %v", stopAt, got, err)
	}
	w.stop = func(int) {}
	r.must(r.s.Rewrite(context.Background(), w.request()))
}

// canRewrite tells whether the sink can. If not, it must say so.
func canRewrite(t *testing.T, r *run) bool {
	w := &rewriting{t: t, stop: func(int) {}}
	err := r.s.Rewrite(context.Background(), w.request())
	if err != nil && !errors.Is(err, sink.ErrNoRewrite) {
		t.Fatal(err)
	}
	if err != nil {
		shape, err := r.s.Shape(context.Background())
		if err != nil || shape != (sink.Shape{}) {
			t.Errorf("a sink that cannot rewrite has the shape %+v, %v", shape, err)
		}
		r.close()
		return false
	}
	r.reopen()
	return true
}

// wantRewritten compares the tables with what Rewrites wrote.
func wantRewritten(r *run, rows int, empty model.Row) {
	engagements, customers, letters := []model.Row{empty}, []model.Row(nil), []model.Row(nil)
	if !r.h.KeepsOldKeys {
		customers = append(customers, upsert(&model.Customers, 1, 0, "an old key").Row)
	}
	for i := range rows {
		e := upsert(&model.Engagements, i, int64(i), "queue").Row
		e[model.Engagements.Col("queue")] = model.Text("queue" + rewriteMark)
		c := upsert(&model.Customers, i, int64(i), "state").Row
		c[model.Customers.Col("contact_id")] = model.Text(fmt.Sprintf("contact_id %04d", i) + rewriteMark)
		engagements, customers = append(engagements, e), append(customers, c)
		l := upsert(&model.DeadLetters, i, 1, "left").Row
		l[model.DeadLetters.Col("payload")] = model.Value{}
		letters = append(letters, l)
	}
	r.want(&model.Engagements, engagements...)
	r.want(&model.Customers, customers...)
	r.want(&model.DeadLetters, letters...)
}
