// Package sinktest has the tests that every sink passes: each is named after a promise of package sink.
//
// It also has rows for benchmarks, see Engagements.
package sinktest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/span"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A Harness says how the suite uses one kind of sink.
type Harness struct {
	// Place returns the URI of a new place for a sink, that nothing has written to.
	Place func(t testing.TB) string

	// Rows reads all rows of a table from a place whose sink is closed. Their order does not matter.
	Rows func(t testing.TB, uri string, table *model.Table) []model.Row

	// Kill returns a place as a killed process would have left that of a sink which is still open.
	// Nil when the sink has nothing that a kill could hurt.
	Kill func(t testing.TB, uri string) string

	// KeepsOldKeys says that the store itself remembers deletes for a while, also one that forgets.
	KeepsOldKeys bool

	// Away moves what a place has, whose sink is closed, to another place and returns the URI of
	// that. A sink whose store cannot be moved has it deleted instead, and an empty URI returned.
	Away func(t testing.TB, uri string) (moved string)
}

// shape has a store remember one shape and then another.
func shape(t *testing.T, h Harness) {
	r := newRun(t, h)
	check := func(want sink.Shape) {
		t.Helper()
		got, err := r.s.Shape(context.Background())
		if err != nil || got != want {
			t.Errorf("the shape is %+v, %v; want %+v", got, err, want)
		}
	}
	check(sink.Shape{})
	for _, s := range []sink.Shape{{ContactKey: "0a1b2c", Options: "77"}, {ContactKey: "0a1b2c", Options: "78"}} {
		r.must(r.s.SetShape(context.Background(), s))
		check(s)
		r.reopen()
		check(s)
	}
	r.close()
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	tests := []struct {
		promise string
		test    func(*testing.T, Harness)
	}{
		{"the greater version stays, whatever comes first", versions},
		{"of equal versions the later write stays", equalVersions},
		{"a deleted row is gone and older upserts revive nothing", deletesStay},
		{"a newer or equal upsert revives, and then the delete is forgotten", revives},
		{"every type keeps its values, null and empty apart", values},
		{"every table takes rows, and has its own keys", tables},
		{"a block is not kept after Write", reuse},
		{"invalid UTF-8 is replaced and never breaks the store", invalidText},
		{"what is held is told and found again, whatever its ids are made of", held},
		{"a corrupt block is an error", corrupt},
		{"concurrent writers lose nothing", concurrent},
		{"large batches settle like small ones", large},
		{"counts are the numbers of rows after Flush", counts},
		{"what was flushed outlives a kill", kill},
		{"rows are found by their owners, many at once", find},
		{"a store keeps its identity, and another has another", identity},
		{"a store remembers what shapes its rows", shape},
		{"a rewriting that ends at any row goes on with the rest", Rewrites},
		{"whole rows are read, by a text or all", wholeRows},
		{"a delete that forgets leaves nothing that an older row could meet", forgets},
		{"replays in any blocks change nothing", Replays},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.promise, " ", "_"), func(t *testing.T) { test.test(t, h) })
	}
}

// A run writes to one place, through one sink after another.
type run struct {
	t   testing.TB
	h   Harness
	uri string
	s   sink.Sink
}

func newRun(t testing.TB, h Harness) *run {
	t.Helper()
	r := &run{t: t, h: h, uri: h.Place(t)}
	r.open()
	return r
}

func (r *run) open() {
	r.t.Helper()
	s, err := sink.Open(context.Background(), r.uri, sink.Options{})
	r.must(err)
	r.s = s
}

func (r *run) must(err error) {
	r.t.Helper()
	if err != nil {
		if r.s != nil {
			r.s.Close(context.Background())
		}
		r.t.Fatal(err)
	}
}

func (r *run) write(cs ...change.Change) {
	r.t.Helper()
	r.must(r.s.Write(context.Background(), block(cs...)))
}

func (r *run) flush() { r.t.Helper(); r.must(r.s.Flush(context.Background())) }

func (r *run) close() {
	r.t.Helper()
	s := r.s
	r.s = nil
	r.must(s.Close(context.Background()))
}

func (r *run) reopen() { r.t.Helper(); r.close(); r.open() }

// want closes the sink and compares a table.
func (r *run) want(t *model.Table, rows ...model.Row) {
	r.t.Helper()
	if r.s != nil {
		r.close()
	}
	compare(r.t, t, r.h.Rows(r.t, r.uri, t), rows)
}

func compare(t testing.TB, table *model.Table, got, want []model.Row) {
	t.Helper()
	sortRows(table, got)
	sortRows(table, want)
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", table.Name, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if !slices.Equal(want[i], got[i]) { // cmp.Diff alone takes seconds for large tables
			t.Fatalf("%s: row %d (-want +got):\n%s", table.Name, i, cmp.Diff(want[i], got[i]))
		}
	}
}

func sortRows(t *model.Table, rows []model.Row) {
	slices.SortFunc(rows, func(a, b model.Row) int {
		for _, k := range t.Keys() {
			if c := strings.Compare(a[k].Str, b[k].Str); c != 0 {
				return c
			}
			if a[k].Num != b[k].Num {
				if a[k].Num < b[k].Num {
					return -1
				}
				return 1
			}
		}
		return 0
	})
}

func block(cs ...change.Change) change.Block {
	var b change.Block
	for _, c := range cs {
		b = b.Append(c)
	}
	return b
}

// upsert returns a change whose row has the key number key and text in its other columns.
func upsert(t *model.Table, key int, version int64, text string) change.Change {
	r := t.NewRow()
	for i, c := range t.Columns {
		switch {
		case c.Key && c.Type == model.String:
			r[i] = model.Text(fmt.Sprintf("%s %04d", c.Name, key))
		case c.Key:
			r[i] = model.Millis(int64(key) * 900000)
		case c.Type == model.String:
			r[i] = model.Text(text)
		case !c.Required:
		case c.Type == model.Timestamp:
			r[i] = model.Millis(int64(startOfAll))
		case c.Type == model.Float:
			r[i] = model.Number(float64(len(text)) / 8)
		case c.Type == model.Bool:
			r[i] = model.Boolean(len(text)%2 > 0)
		default:
			r[i] = model.Integer(int64(len(text)))
		}
	}
	r[t.Col("row_version")] = model.Integer(version)
	return change.Change{Table: t.ID, Row: r}
}

// remove returns a delete of what upsert returns.
func remove(t *model.Table, key int, version int64) change.Change {
	c := upsert(t, key, version, "")
	day, apart := t.PartitionColumn()
	for i := range c.Row[:len(c.Row)-1] {
		if !t.Columns[i].Key && !(apart && i == day) {
			c.Row[i] = model.Value{}
		}
	}
	c.Delete = true
	return c
}

// apart runs a test with its changes in one block, in a block each, flushed after each, and with a
// sink for each.
func apart(t *testing.T, h Harness, test func(r *run, write func(...change.Change))) {
	between := []struct {
		name string
		next func(*run)
	}{
		{"in blocks", func(*run) {}},
		{"over flushes", (*run).flush},
		{"over runs", (*run).reopen},
	}
	t.Run("in a block", func(t *testing.T) {
		r := newRun(t, h)
		test(r, r.write)
	})
	for _, b := range between {
		t.Run(b.name, func(t *testing.T) {
			r := newRun(t, h)
			test(r, func(cs ...change.Change) {
				t.Helper()
				for _, c := range cs {
					r.write(c)
					b.next(r)
				}
			})
		})
	}
}

func versions(t *testing.T, h Harness) {
	e := &model.Engagements
	apart(t, h, func(r *run, write func(...change.Change)) {
		write(upsert(e, 1, 5, "five"), upsert(e, 1, 4, "four"), upsert(e, 2, 1, "one"), upsert(e, 2, 7, "seven"), upsert(e, 2, 6, "six"),
			upsert(e, 3, -1, "less than nothing"))
		r.want(e, upsert(e, 1, 5, "five").Row, upsert(e, 2, 7, "seven").Row, upsert(e, 3, -1, "less than nothing").Row)
	})
}

func equalVersions(t *testing.T, h Harness) {
	e := &model.Engagements
	apart(t, h, func(r *run, write func(...change.Change)) {
		write(upsert(e, 1, 5, "first"), upsert(e, 1, 5, "second"),
			upsert(e, 2, 5, "first"), remove(e, 2, 5),
			remove(e, 3, 5), upsert(e, 3, 5, "second"),
			upsert(e, 4, 5, "first"), upsert(e, 4, 5, "second"), upsert(e, 4, 4, "third"))
		r.want(e, upsert(e, 1, 5, "second").Row, upsert(e, 3, 5, "second").Row, upsert(e, 4, 5, "second").Row)
	})
}

func deletesStay(t *testing.T, h Harness) {
	e := &model.AgentStatus
	apart(t, h, func(r *run, write func(...change.Change)) {
		write(upsert(e, 1, 5, "a"), remove(e, 1, 6), upsert(e, 1, 5, "a"), upsert(e, 1, 4, "b"),
			remove(e, 2, 9), upsert(e, 2, 8, "a"),
			upsert(e, 3, 9, "a"), remove(e, 3, 8),
			remove(e, 4, 9), remove(e, 4, 7), upsert(e, 4, 8, "a"),
			remove(e, 5, 7), remove(e, 5, 9), upsert(e, 5, 8, "a"))
		r.want(e, upsert(e, 3, 9, "a").Row)
	})
}

func revives(t *testing.T, h Harness) {
	e := &model.Customers
	apart(t, h, func(r *run, write func(...change.Change)) {
		write(remove(e, 1, 5), upsert(e, 1, 6, "a"), upsert(e, 1, 5, "late"),
			upsert(e, 2, 4, "a"), remove(e, 2, 5), upsert(e, 2, 5, "b"),
			remove(e, 3, 5), upsert(e, 3, 6, "a"), remove(e, 3, 7), upsert(e, 3, 8, "b"), upsert(e, 3, 7, "late"),
			remove(e, 4, 5), upsert(e, 4, 6, "a"), remove(e, 4, 6), upsert(e, 4, 5, "late"))
		r.want(e, upsert(e, 1, 6, "a").Row, upsert(e, 2, 5, "b").Row, upsert(e, 3, 8, "b").Row)
	})
}

func values(t *testing.T, h Harness) {
	texts := []string{"", " ", "a", "null", "exactly 12 b", "thirteen byte", "it's", `say "no" \ back/`, "tab\tline\nfeed\r", "\x00", "a\x00b\x1f\x7f", "příliš žluťoučký",
		"日本語", "🎉\u2028\u2029\ufeff", "<&>", strings.Repeat("long ", 30000), "\\N", "{}", `C:\new`}
	floats := []float64{0, 1, -1, 0.1, 1.0 / 3, 1e21, 1e-7, 123456789.123, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64}
	ints := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 53, 1<<53 + 1}
	times := []int64{0, 1, -1, 999, 1767225600000, -62135596800000, 253402300799999}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	bytes := [][]byte{nil, {}, {0}, []byte("text"), all, []byte{0xff, 0xfe}}

	r := newRun(t, h)
	want := map[*model.Table][]model.Row{}
	add := func(table *model.Table, column string, v model.Value) {
		c := upsert(table, len(want[table]), 3, "x")
		c.Row[table.Col(column)] = v
		want[table] = append(want[table], c.Row)
		r.write(c)
	}
	for _, s := range texts {
		v := model.Value{Type: model.String, Str: s}
		add(&model.Engagements, "queue", v)
		add(&model.Engagements, "engagement_id", model.Value{Type: model.String, Str: s + " "}) // a key
		add(&model.DeadLetters, "error", v)
	}
	for _, f := range floats {
		add(&model.Engagements, "engagement_fact_1", model.Number(f))
	}
	for _, n := range ints {
		add(&model.Turns, "turn_index", model.Integer(n))
		add(&model.Turns, "row_version", model.Integer(n))
	}
	for _, ms := range times {
		add(&model.Engagements, "end_time", model.Millis(ms))
		add(&model.AgentStatus, "interval_start", model.Millis(ms)) // a key
	}
	for _, b := range bytes {
		add(&model.DeadLetters, "payload", model.Blob(b))
	}
	for _, b := range []bool{false, true} {
		add(&model.Engagements, "inferred", model.Boolean(b))
	}
	for _, c := range []string{"queue", "end_time", "engagement_fact_1", "updated_at"} {
		add(&model.Engagements, c, model.Value{})
	}
	r.reopen() // some sinks read their own writes
	for table, rows := range want {
		r.want(table, rows...)
	}
}

func tables(t *testing.T, h Harness) {
	r := newRun(t, h)
	for _, table := range model.Tables {
		r.write(upsert(table, 1, 1, "a"), upsert(table, 2, 1, "b"), remove(table, 3, 1), upsert(table, 1, 2, "c"))
	}
	r.reopen()
	for _, table := range model.Tables {
		r.write(upsert(table, 3, 0, "late"), upsert(table, 2, 2, "d"))
	}
	for _, table := range model.Tables {
		r.want(table, upsert(table, 1, 2, "c").Row, upsert(table, 2, 2, "d").Row)
	}
}

func reuse(t *testing.T, h Harness) {
	e := &model.Engagements
	r := newRun(t, h)
	var b change.Block
	var want []model.Row
	for k := range 50 {
		c := upsert(e, k, 1, "a"+strings.Repeat(" text", k))
		want = append(want, c.Row)
		b = b[:0].Append(c)
		r.must(r.s.Write(context.Background(), b))
		copy(b, bytes.Repeat([]byte{0xee}, len(b)))
	}
	r.want(e, want...)
}

func invalidText(t *testing.T, h Harness) {
	e := &model.Engagements
	r := newRun(t, h)
	c := upsert(e, 1, 1, "cut \xf0\x9f here")
	c.Row[e.Col("engagement_id")] = model.Text("key \xff one")
	again := upsert(e, 1, 2, "x")
	again.Row[e.Col("engagement_id")] = model.Text("key \xff one")
	r.write(c)
	r.write(again, upsert(e, 2, 1, "long enough to be no short text \xc3"))
	one, two := upsert(e, 1, 2, "x").Row, upsert(e, 2, 1, "long enough to be no short text \uFFFD").Row
	one[e.Col("engagement_id")] = model.Text("key \uFFFD one")
	r.want(e, one, two)
}

func held(t *testing.T, h Harness) {
	ctx := context.Background()
	ids := []string{"WT1", "WT\x00x", "\x00", "WT\x00y", "it's", "''", "' OR '1'='1", `"quoted"`, `back\slash\`, `\'`, "$1", "?", "line\nfeed;--", "cut \xf0\x9f here", "\xff",
		"příliš 日本語 🎉", strings.Repeat("long\x00", 50)}
	r := newRun(t, h)
	want := map[model.TableID]map[string]bool{}
	for _, id := range model.OwnedTables() {
		table := model.Tables[id]
		want[id] = map[string]bool{}
		for i, sid := range ids {
			r.write(owned(table, i, "AC "+sid, sid))
			want[id][strings.ToValidUTF8(sid, "\uFFFD")] = true
		}
	}
	r.reopen()
	defer r.close()
	for _, id := range model.OwnedTables() {
		table, got := model.Tables[id], map[string]bool{}
		owner := table.Owner.SID
		r.must(r.s.Owners(ctx, id, span.All, func(row model.Row) error {
			got[table.Get(row, owner).Str] = true
			return nil
		}))
		if d := cmp.Diff(want[id], got); d != "" {
			t.Errorf("%s: %s told (-want +got):\n%s", table.Name, owner, d)
		}
		for _, sid := range ids {
			var found []string
			r.must(r.s.Find(ctx, id, every([]model.OwnerKey{{Account: "AC " + sid, SID: sid}}), func(row model.Row) error {
				found = append(found, table.Get(row, owner).Str)
				return nil
			}))
			if d := cmp.Diff([]string{strings.ToValidUTF8(sid, "\uFFFD")}, found); d != "" {
				t.Errorf("%s: found of %q (-want +got):\n%s", table.Name, sid, d)
			}
			r.must(r.s.Find(ctx, id, every([]model.OwnerKey{{Account: "AC of another", SID: sid + "\x00"}}), func(row model.Row) error {
				t.Errorf("%s: found %q of another id", table.Name, table.Get(row, owner).Str)
				return nil
			}))
		}
		got = map[string]bool{}
		var all []model.OwnerKey
		for _, sid := range ids {
			all = append(all, model.OwnerKey{Account: "AC " + sid, SID: sid})
		}
		r.must(r.s.Find(ctx, id, every(all), func(row model.Row) error {
			got[table.Get(row, owner).Str] = true
			return nil
		}))
		if d := cmp.Diff(want[id], got); d != "" {
			t.Errorf("%s: %s found together (-want +got):\n%s", table.Name, owner, d)
		}
	}
}

func corrupt(t *testing.T, h Harness) {
	ctx := context.Background()
	r := newRun(t, h)
	good := block(upsert(&model.Engagements, 1, 1, "a"))
	err := r.s.Write(ctx, good[:len(good)-3])
	if err == nil {
		err = r.s.Flush(ctx)
	}
	if err == nil {
		t.Error("no error for a block that ends inside a row")
	}
	r.s.Close(ctx)
}

func concurrent(t *testing.T, h Harness) {
	const writers, blocks, rows = 8, 20, 25
	r := newRun(t, h)
	e := &model.Engagements
	var want []model.Row
	var wg sync.WaitGroup
	for w := range writers {
		for k := range rows {
			want = append(want, upsert(e, w*rows+k, int64(blocks-1), fmt.Sprint("block ", blocks-1)).Row)
		}
		wg.Go(func() {
			for i := range blocks {
				var b change.Block
				for k := range rows {
					b = b.Append(upsert(e, w*rows+k, int64(i), fmt.Sprint("block ", i)))
				}
				if err := r.s.Write(context.Background(), b); err != nil {
					t.Error(err)
				}
				if i%7 == w%7 {
					if err := r.s.Flush(context.Background()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	r.want(e, want...)
}

func large(t *testing.T, h Harness) {
	const n = 50000
	e := &model.Engagements
	r := newRun(t, h)
	want := map[string]model.Row{}
	for _, b := range Engagements(n, 1<<20, 3) {
		r.must(r.s.Write(context.Background(), b))
		r.must(b.Each(func(c change.Change) error {
			want[string(e.AppendKey(nil, c.Row))] = slices.Clone(c.Row)
			return nil
		}))
	}
	r.flush()
	i := 0
	var b change.Block
	version, start := e.Col("row_version"), e.Col("start_time")
	for k, row := range want {
		i++
		row = slices.Clone(row)
		switch i % 5 {
		case 0: // newer
			row[version].Num++
			row[e.Col("reason")] = model.Text("changed in the second half")
			want[k] = row
			b = b.Append(change.Change{Table: e.ID, Row: row})
		case 1: // older
			row[version].Num--
			row[e.Col("reason")] = model.Text("must not be seen")
			b = b.Append(change.Change{Table: e.ID, Row: row})
		case 2: // gone
			c := change.Change{Table: e.ID, Row: e.NewRow(), Delete: true}
			c.Row[0], c.Row[1], c.Row[start], c.Row[version] = row[0], row[1], row[start], row[version]
			b = b.Append(c)
			delete(want, k)
		}
	}
	r.must(r.s.Write(context.Background(), b))
	var rows []model.Row
	for _, row := range want {
		rows = append(rows, row)
	}
	r.want(e, rows...)
}

func counts(t *testing.T, h Harness) {
	ctx := context.Background()
	r := newRun(t, h)
	check := func(want map[string]int64) {
		t.Helper()
		r.flush()
		got, err := r.s.Counts(ctx)
		r.must(err)
		for _, table := range model.Tables {
			n, ok := got[table.Name]
			if !ok || n != want[table.Name] {
				t.Errorf("%s: %d rows (told: %v), want %d", table.Name, n, ok, want[table.Name])
			}
		}
	}
	e := &model.Engagements
	check(nil)
	r.write(upsert(e, 1, 1, "a"), upsert(e, 2, 1, "a"), upsert(e, 2, 2, "a"), remove(&model.Turns, 1, 1))
	check(map[string]int64{"engagements": 2})
	r.write(remove(e, 1, 2), remove(e, 1, 2), remove(e, 9, 2), upsert(&model.Turns, 2, 1, "b"))
	check(map[string]int64{"engagements": 1, "turns": 1})
	r.reopen()
	check(map[string]int64{"engagements": 1, "turns": 1})
	r.write(upsert(e, 1, 1, "late"), upsert(e, 9, 3, "revived"), upsert(e, 2, 2, "again"))
	check(map[string]int64{"engagements": 2, "turns": 1})
	r.close()
}

func kill(t *testing.T, h Harness) {
	if h.Kill == nil {
		t.Skip("nothing that a kill could hurt")
	}
	e := &model.Engagements
	r := newRun(t, h)
	r.write(upsert(e, 1, 1, "a"), upsert(e, 2, 1, "a"), remove(e, 3, 5))
	r.flush()
	r.write(upsert(e, 1, 2, "b"), remove(e, 2, 2), upsert(e, 4, 1, "a"))
	r.flush()
	r.write(upsert(e, 5, 1, "not flushed"))
	left := &run{t: t, h: h, uri: h.Kill(t, r.uri)}
	r.close()
	left.open()
	left.write(upsert(e, 2, 1, "late"), upsert(e, 3, 4, "late"), upsert(e, 5, 2, "written again"))
	left.want(e, upsert(e, 1, 2, "b").Row, upsert(e, 4, 1, "a").Row, upsert(e, 5, 2, "written again").Row)
}

func identity(t *testing.T, h Harness) {
	id := func(r *run) string {
		r.open()
		id, err := r.s.ID(context.Background())
		r.must(err)
		r.close()
		return id
	}
	r := &run{t: t, h: h, uri: h.Place(t)}
	first := id(r)
	r.open()
	r.write(upsert(&model.Engagements, 1, 1, "a row"))
	r.close()
	again := id(r)
	another := id(&run{t: t, h: h, uri: h.Place(t)})
	if first == "" || again != first || another == first {
		t.Errorf("%q, opened again %q, another place %q", first, again, another)
	}
	if moved := h.Away(t, r.uri); moved != "" {
		if got := id(&run{t: t, h: h, uri: moved}); got != first {
			t.Errorf("%q, moved %q", first, got)
		}
	}
	if second := id(r); second == "" || second == first {
		t.Errorf("%q, a new store of the same name %q", first, second)
	}
}
