package sinktest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/span"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// owned returns a change whose row has the key number key, as far as the owner leaves it free.
func owned(t *model.Table, key int, account, sid string) change.Change {
	c := upsert(t, key, 1, "x")
	c.Row[t.Col(t.Owner.SID)] = model.Text(sid)
	if t.Owner.Account != "" {
		c.Row[t.Col(t.Owner.Account)] = model.Text(account)
	}
	if t.Owner.Only != "" {
		c.Row[t.Col(t.Owner.Only)] = model.Boolean(true)
	}
	return c
}

// A holding is what a sink holds of tables with owners: of each row the cells of FoundColumns, as
// text.
type holding struct {
	of   map[model.TableID]map[model.OwnerKey][]string
	rows map[model.TableID][]model.Row
}

func (h *holding) add(t *model.Table, r model.Row) {
	account, sid := t.OwnerKey(r)
	k := model.OwnerKey{Account: account, SID: sid}
	h.of[t.ID][k] = append(h.of[t.ID][k], cellsOf(t, r))
	h.rows[t.ID] = append(h.rows[t.ID], slices.Clone(r))
}

func cellsOf(t *model.Table, r model.Row) string { return cellsIn(t.FoundColumns(), r) }

func cellsIn(columns []int, r model.Row) string {
	var cells []string
	for _, i := range columns {
		cells = append(cells, r[i].String())
	}
	return strings.Join(cells, " | ")
}

// find returns the rows of some owners.
func (h *holding) find(t *model.Table, owners []model.OwnerKey) (rows []string) {
	seen := map[model.OwnerKey]bool{}
	for _, o := range owners {
		if t.Owner.Account == "" {
			o.Account = ""
		}
		if !seen[o] {
			rows = append(rows, h.of[t.ID][o]...)
		}
		seen[o] = true
	}
	slices.Sort(rows)
	return rows
}

// whole returns the rows that a query asks for, with all their cells.
func (h *holding) whole(t *model.Table, q model.OwnerQuery) (rows []string) {
	q.Whole = true
	for _, row := range h.rows[t.ID] {
		account, sid := t.OwnerKey(row)
		if q.Holds(t, row) && slices.ContainsFunc(q.Owners, func(o model.OwnerKey) bool { return o.SID == sid && (account == "" || o.Account == account) }) {
			rows = append(rows, cellsIn(q.Columns(t), row))
		}
	}
	slices.Sort(rows)
	return rows
}

// owners returns the owners of rows whose time lies in a span or is not known, with the latest time of
// theirs where rows are looked up by it.
func (h *holding) owners(t *model.Table, in span.Span) map[model.OwnerKey]int64 {
	all := map[model.OwnerKey]int64{}
	for _, r := range h.rows[t.ID] {
		if at := r[t.TimeColumn()]; at.IsNull() || in.Covers(span.Span{From: at.Num, To: at.Num}) {
			noteOwner(t, r, all)
		}
	}
	return all
}

func noteOwner(t *model.Table, r model.Row, all map[model.OwnerKey]int64) {
	account, sid := t.OwnerKey(r)
	at := int64(0)
	if t.Owner.Time != "" {
		at = t.Get(r, t.Owner.Time).Num
	}
	o := model.OwnerKey{Account: account, SID: sid}
	all[o] = max(all[o], at)
}

// ownersIn returns what Owners gives, likewise.
func ownersIn(r *run, t *model.Table, in span.Span) map[model.OwnerKey]int64 {
	r.t.Helper()
	all := map[model.OwnerKey]int64{}
	r.must(r.s.Owners(context.Background(), t.ID, in, func(row model.Row) error { noteOwner(t, row, all); return nil }))
	return all
}

// startOfAll is the time of rows whose time is not part of their key.
const startOfAll = 1700000000123

// findOwners is how many tasks and workers have rows, in each of two accounts that share their SIDs.
const findOwners = 1500

// fillOwners writes rows with owners, several of each where the table's key allows it, and some
// that are gone again or have no owner.
func fillOwners(r *run) *holding {
	h := &holding{of: map[model.TableID]map[model.OwnerKey][]string{}, rows: map[model.TableID][]model.Row{}}
	var block []change.Change
	for _, id := range model.OwnedTables() {
		t := model.Tables[id]
		h.of[id] = map[model.OwnerKey][]string{}
		for i := range findOwners {
			for n := range 3 {
				c := owned(t, 3*i+n, fmt.Sprint("AC", n%2), fmt.Sprintf("SID %d", i))
				if t.Owner.Account == "" && n > 0 { // the owner is the key
					c.Row[t.Col(t.Owner.SID)] = model.Text(fmt.Sprintf("+1 555 %d %d", i, n))
					c.Row[t.Col(t.Owner.Only)] = model.Boolean(false)
				}
				block = append(block, c)
				switch {
				case i%50 == 7: // gone again
					c.Row = slices.Clone(c.Row)
					c.Delete = true
					block = append(block, c)
				case t.Owned(c.Row):
					h.add(t, c.Row)
				}
			}
		}
	}
	r.write(block...)
	r.write(upsert(&model.Agents, 1, 1, "SID 1"))
	return h
}

func find(t *testing.T, h Harness) {
	ctx := context.Background()
	var all, half, strangers []model.OwnerKey
	for i := range findOwners {
		for n := range 2 {
			all = append(all, model.OwnerKey{Account: fmt.Sprint("AC", n), SID: fmt.Sprintf("SID %d", i)})
		}
		strangers = append(strangers, model.OwnerKey{Account: "AC2", SID: fmt.Sprintf("SID of a stranger %d", i)})
		if i%2 == 0 {
			half = append(half, model.OwnerKey{Account: fmt.Sprint("AC", i/2%2), SID: fmt.Sprintf("SID %d", i)})
		}
	}
	contact := model.OwnerKey{Account: "AC1", SID: "+1 555 3 1"} // of a customer that is not isolated
	tests := []struct {
		name   string
		owners []model.OwnerKey
	}{
		{"none", nil},
		{"one", all[5:6]},
		{"one of another account", []model.OwnerKey{{Account: "AC of another", SID: "SID 2"}}},
		{"one twice", []model.OwnerKey{all[5], all[5]}},
		{"one that is gone", all[14:16]},
		{"unknown ones", strangers},
		{"some, and unknown ones", append(strangers[:20:20], half...)},
		{"all", all},
		{"one whose rows have no owner", []model.OwnerKey{contact}},
		{"an empty one", []model.OwnerKey{{}}},
	}
	r := newRun(t, h)
	want := fillOwners(r)
	r.flush()
	check := func(when string) {
		t.Helper()
		for _, id := range model.OwnedTables() {
			table := model.Tables[id]
			for _, test := range tests {
				if d := cmp.Diff(want.find(table, test.owners), foundBy(r, table, test.owners)); d != "" {
					t.Errorf("%s, %s: %s (-want +got):\n%.2000s", when, table.Name, test.name, d)
				}
			}
		}
		if got := foundBy(r, &model.Agents, all); got != nil {
			t.Errorf("%s: rows of a table without owners: %q", when, got)
		}
		for _, in := range []span.Span{
			{From: 900_000 * 10, To: 900_000 * 29}, {From: 900_000 * 9_000_000}, {From: 1, To: 900_000 - 1}, {From: 1}, {From: startOfAll, To: startOfAll},
		} {
			for _, id := range model.OwnedTables() {
				table := model.Tables[id]
				q := model.OwnerQuery{Owners: all[:200], From: in.From, To: in.To}
				var wanted []string
				for _, row := range want.rows[id] {
					account, sid := table.OwnerKey(row)
					asked := slices.ContainsFunc(q.Owners, func(o model.OwnerKey) bool { return o.SID == sid && (account == "" || o.Account == account) })
					if asked && q.Holds(table, row) {
						wanted = append(wanted, cellsOf(table, row))
					}
				}
				slices.Sort(wanted)
				whole := q
				whole.Whole = true
				if d := cmp.Diff(want.whole(table, q), foundIn(r, table, whole)); d != "" {
					t.Errorf("%s, %s: whole rows in %v (-want +got):\n%.2000s", when, table.Name, in, d)
				}
				if d := cmp.Diff(wanted, foundIn(r, table, q)); d != "" {
					t.Errorf("%s, %s: %v (-want +got):\n%.2000s", when, table.Name, in, d)
				}
				if d := cmp.Diff(want.owners(table, in), ownersIn(r, table, in)); d != "" {
					t.Errorf("%s, %s: owners in %v (-want +got):\n%.2000s", when, table.Name, in, d)
				}
			}
		}
		if got := ownersIn(r, &model.Agents, span.All); len(got) > 0 {
			t.Errorf("%s: owners of a table without: %v", when, got)
		}
	}
	check("flushed")
	r.reopen()
	check("opened again")

	stop := errors.New("that is enough")
	calls := 0
	err := r.s.Find(ctx, model.EngagementsID, every(all), func(model.Row) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("after %d calls: %v, want that of the first", calls, err)
	}

	more := owned(&model.Engagements, 1<<20, all[0].Account, all[0].SID)
	r.write(more)
	late := cellsOf(&model.Engagements, more.Row)
	got := slices.DeleteFunc(foundBy(r, &model.Engagements, all), func(s string) bool { return s == late }) // it may be missing
	if d := cmp.Diff(want.find(&model.Engagements, all), got); d != "" {
		t.Errorf("while a row is not flushed (-want +got):\n%.2000s", d)
	}
	r.flush()
	if got := foundBy(r, &model.Engagements, all[:1]); !slices.Contains(got, late) {
		t.Errorf("a row that was flushed later is missing: %q", got)
	}
	r.close()
}

// every asks for the rows of owners of every time.
func every(owners []model.OwnerKey) model.OwnerQuery {
	return model.OwnerQuery{Owners: owners, From: math.MinInt64, To: math.MaxInt64}
}

// foundBy returns what Find gives, in order.
func foundBy(r *run, t *model.Table, owners []model.OwnerKey) (rows []string) {
	r.t.Helper()
	return foundIn(r, t, every(owners))
}

func foundIn(r *run, t *model.Table, q model.OwnerQuery) (rows []string) {
	r.t.Helper()
	r.must(r.s.Find(context.Background(), t.ID, q, func(row model.Row) error {
		rows = append(rows, cellsIn(q.Columns(t), row))
		return nil
	}))
	slices.Sort(rows)
	return rows
}
