package sinktest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// wholeRows reads rows as they were written.
func wholeRows(t *testing.T, h Harness) {
	r := newRun(t, h)
	read := func(table *model.Table, column string, texts ...string) (rows []model.Row) {
		t.Helper()
		r.must(r.s.Rows(context.Background(), table.ID, column, texts, func(row model.Row) error {
			rows = append(rows, slices.Clone(row))
			return nil
		}))
		return rows
	}
	for _, table := range model.Tables {
		all := []change.Change{upsert(table, 1, 1, "one"), upsert(table, 2, 1, "it's \x00 \xff"), upsert(table, 3, 1, ""), upsert(table, 4, 9, "newer"), upsert(table, 5, 1, "gone")}
		for i, c := range table.Columns {
			if c.Type == model.Bytes {
				all[1].Row[i] = model.Value{Type: model.Bytes, Str: "\x00\xff bytes"}
			}
			if all[2].Row[i].IsNull() && c.Required && c.Type == model.String {
				all[2].Row[i] = model.Text("x")
			}
			if c.Type == model.Float {
				all[1].Row[i], all[3].Row[i] = model.Number(0.1), model.Number(-1e300)
			}
		}
		r.write(all...)
		r.write(upsert(table, 4, 8, "older"), remove(table, 5, 2))
		r.flush()
		var want []model.Row
		for _, c := range all[:4] {
			row := slices.Clone(c.Row)
			for i := range row {
				if row[i].Type == model.String {
					row[i].Str = strings.ToValidUTF8(row[i].Str, "\uFFFD")
				}
			}
			want = append(want, row)
		}
		key := ""
		for _, i := range table.Keys() {
			if table.Columns[i].Type == model.String {
				key = table.Columns[i].Name
			}
		}
		column := table.Col(key)
		compare(t, table, read(table, ""), slices.Clone(want))
		compare(t, table, read(table, key, want[1][column].Str, "nobody", want[3][column].Str, want[3][column].Str), []model.Row{want[1], want[3]})
		compare(t, table, read(table, key, "nobody"), nil)
		compare(t, table, read(table, key), nil)
	}
	stop := errors.New("that is enough")
	calls := 0
	err := r.s.Rows(context.Background(), model.AgentsID, "", nil, func(model.Row) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("after %d calls: %v, want that of the first", calls, err)
	}
	r.close()
}

// forgets deletes a row without a memory of its key. A row that is newer comes back in any case.
func forgets(t *testing.T, h Harness) {
	c := &model.Customers
	apart(t, h, func(r *run, write func(...change.Change)) {
		gone, older := remove(c, 1, 5), remove(c, 4, 3)
		gone.Forget, older.Forget = true, true
		write(upsert(c, 1, 5, "five"), gone, upsert(c, 2, 1, "stays"), remove(c, 3, 5), upsert(c, 3, 4, "older"), upsert(c, 4, 4, "newer"), older)
		if !h.KeepsOldKeys {
			r.reopen()
			write(upsert(c, 1, 1, "one"))
			r.want(c, upsert(c, 1, 1, "one").Row, upsert(c, 2, 1, "stays").Row, upsert(c, 4, 4, "newer").Row)
			return
		}
		write(upsert(c, 1, 6, "six"))
		r.want(c, upsert(c, 1, 6, "six").Row, upsert(c, 2, 1, "stays").Row, upsert(c, 4, 4, "newer").Row)
	})
}
