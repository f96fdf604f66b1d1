package keyed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

func engagement(id string, version int64) model.Row {
	t := &model.Engagements
	r := t.NewRow()
	r[t.Col("account_sid")] = model.Text("AC1")
	r[t.Col("engagement_id")] = model.Text(id)
	r[t.Col("task_sid")] = model.Text("WT1")
	r[t.Col("row_version")] = model.Integer(version)
	return r
}

// diff folds rows into a state and returns the changes in words.
func diff(t *testing.T, s *State, once bool, version int64, ids ...string) []string {
	t.Helper()
	out := &Output{Once: once}
	d := s.Diff(out)
	for _, id := range ids {
		d.Row(model.EngagementsID, engagement(id, version))
	}
	if err := d.Done(func(model.TableID, model.Row) (int64, bool) { return version, true }); err != nil {
		t.Fatal(err)
	}
	var words []string
	if err := out.Changes.Each(func(c change.Change) error {
		w := "upsert "
		if c.Delete {
			w = "delete "
		}
		words = append(words, w+c.Row[1].Str+" at "+c.Row[len(c.Row)-1].String())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return words
}

// again returns a state as it comes out of its encoding.
func again(t testing.TB, s *State) *State {
	t.Helper()
	next, err := ReadState(s.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestAFoldEmitsWhatDiffersFromWhatWasEmitted(t *testing.T) {
	s := NewState()
	for _, step := range []struct {
		version int64
		rows    []string
		want    []string
	}{
		{1, []string{"a", "b"}, []string{"upsert a at 1", "upsert b at 1"}},
		{1, []string{"a", "b"}, nil},
		{2, []string{"b", "c"}, []string{"upsert b at 2", "upsert c at 2", "delete a at 2"}},
		{3, nil, []string{"delete b at 3", "delete c at 3"}},
		{3, nil, nil},
		{4, []string{"a"}, []string{"upsert a at 4"}},
	} {
		if d := cmp.Diff(step.want, diff(t, s, false, step.version, step.rows...)); d != "" {
			t.Errorf("version %d (-want +got):\n%s", step.version, d)
		}
		s = again(t, s) // the memory outlives the bundle
	}
}

func TestAFoldOfAStateThatIsNotKeptEmitsAllRows(t *testing.T) {
	s := NewState()
	if d := cmp.Diff([]string{"upsert a at 1", "upsert b at 1"}, diff(t, s, true, 1, "a", "b")); d != "" || len(s.emitted) != 0 {
		t.Errorf("%d rows are remembered (-want +got):\n%s", len(s.emitted), d)
	}
	s = NewState() // unless an earlier job left some
	s.emitted = []emitted{{table: model.EngagementsID, key: string(model.Engagements.AppendKey(nil, engagement("old", 1))), left: true}}
	if d := cmp.Diff([]string{"upsert a at 1", "delete old at 1"}, diff(t, s, true, 1, "a")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRowsThatAreSettledAreForgotten(t *testing.T) {
	s := NewState()
	diff(t, s, false, 1, "a", "b", "c")
	if err := s.ForgetEmitted(func(_ model.TableID, r model.Row) bool { return r[1].Str != "b" }); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"delete b at 2"}, diff(t, s, false, 2)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	s.emitted = []emitted{{table: model.EngagementsID, key: "\xff"}}
	if err := s.ForgetEmitted(func(model.TableID, model.Row) bool { return true }); !errors.Is(err, ErrCorrupt) {
		t.Errorf("of a key that is none: %v", err)
	}
}

// A row that an earlier job left, of which the events tell no time, stays; its delete is emitted again and again.
func TestARowThatWasLeftIsDeletedWhereTheEventsTellItsTime(t *testing.T) {
	for _, told := range []bool{false, true} {
		s := NewState()
		s.emitted = []emitted{{table: model.EngagementsID, key: string(model.Engagements.AppendKey(nil, engagement("old", 1))), left: true}}
		for range 3 {
			var out Output
			if err := s.Diff(&out).Done(func(model.TableID, model.Row) (int64, bool) { return 5, told }); err != nil {
				t.Fatal(err)
			}
			if (len(out.Changes) > 0) != told {
				t.Errorf("told %t: %d bytes of changes", told, len(out.Changes))
			}
			s = again(t, s)
		}
	}
}

// prior returns what a sink of some rows held, and which owners were asked for at a time.
func prior(rows map[model.TableID][]model.Row) (p *PriorRows, asked *[][]model.OwnerKey) {
	asked = new([][]model.OwnerKey)
	p = NewPriorRows(func(_ context.Context, id model.TableID, owners []model.OwnerKey, f func(model.Row) error) error {
		*asked = append(*asked, owners)
		for _, r := range rows[id] {
			account, sid := model.Tables[id].OwnerKey(r)
			if slices.Contains(owners, model.OwnerKey{Account: account, SID: sid}) || slices.ContainsFunc(owners, func(o model.OwnerKey) bool { return account == "" && o.SID == sid }) {
				if err := f(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for id, all := range rows {
		for _, r := range all {
			p.Note(id, r)
		}
	}
	return p, asked
}

var (
	tasksOnly   = &Kind{Name: model.TaskKind, ID: 20}
	workersOnly = &Kind{Name: model.WorkerKind, ID: 21}
)

func adopted(t *testing.T, p *PriorRows, k *Kind, keys ...string) map[string]*State {
	t.Helper()
	var states []Keyed
	byKey := map[string]*State{}
	for _, key := range keys {
		byKey[key] = NewState()
		states = append(states, Keyed{key, byKey[key]})
	}
	if err := p.Adopt(context.Background(), k, states); err != nil {
		t.Fatal(err)
	}
	return byKey
}

func TestRowsOfAnEarlierJobAreDeletedWhereTheFoldYieldsNone(t *testing.T) {
	c := model.Customers.NewRow()
	c[0] = model.Text("WT1")
	p, _ := prior(map[model.TableID][]model.Row{
		model.EngagementsID: {engagement("old", 1), engagement("kept", 1)}, model.CustomersID: {c},
	})
	others := adopted(t, p, tasksOnly, event.Key("AC1", "WT2"), event.Key("AC2", "WT9"))
	for key, s := range others {
		if len(s.emitted) > 0 {
			t.Errorf("%q has rows", key)
		}
	}
	s := adopted(t, p, tasksOnly, event.Key("AC1", "WT1"))[event.Key("AC1", "WT1")]
	var out Output
	f := s.Diff(&out)
	f.Row(model.EngagementsID, engagement("kept", 5))
	if err := f.Done(func(model.TableID, model.Row) (int64, bool) { return 5, true }); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	if err := out.Changes.Each(func(c change.Change) error {
		key := c.Of().Name + " " + c.Row[0].Str
		if c.Table == model.EngagementsID {
			key = c.Of().Name + " " + c.Row[1].Str
		}
		got[key] = c.Delete
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]bool{"engagements kept": false, "engagements old": true, "customers WT1": true}, got); d != "" {
		t.Errorf("deleted (-want +got):\n%s", d)
	}
}

func TestRowsOfManyKeysAreLookedUpTogetherAndOnce(t *testing.T) {
	row := func(task string) model.Row {
		r := engagement("of "+task, 1)
		r[model.Engagements.Col("task_sid")] = model.Text(task)
		return r
	}
	p, asked := prior(map[model.TableID][]model.Row{model.EngagementsID: {row("WT1"), row("WT2"), row("WT3")}})
	keys := []string{event.Key("AC1", "WT1"), event.Key("AC1", "WT2"), event.Key("AC1", "WT8"), event.Key("AC9", "WT3")}
	states := adopted(t, p, tasksOnly, keys...)
	if d := cmp.Diff([][]model.OwnerKey{{{Account: "AC1", SID: "WT1"}, {Account: "AC1", SID: "WT2"}}}, *asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	for i, want := range []int{1, 1, 0, 0} {
		if n := len(states[keys[i]].emitted); n != want {
			t.Errorf("%q has %d rows, want %d", keys[i], n, want)
		}
	}
	*asked = nil
	adopted(t, p, workersOnly, keys...) // no table of theirs has rows
	processed := NewState()
	processed.Folds = 1
	if err := p.Adopt(context.Background(), tasksOnly, []Keyed{{keys[0], processed}}); err != nil || len(processed.emitted) > 0 {
		t.Errorf("a key that was processed has %d rows, %v", len(processed.emitted), err)
	}
	if len(*asked) > 0 {
		t.Errorf("asked for %v", *asked)
	}
	bad := errors.New("bad")
	p.find = func(context.Context, model.TableID, []model.OwnerKey, func(model.Row) error) error { return bad }
	if err := p.Adopt(context.Background(), tasksOnly, []Keyed{{keys[0], NewState()}}); !errors.Is(err, bad) || !strings.Contains(err.Error(), "engagements") {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsKnownWithoutASink(t *testing.T) {
	empty, _ := prior(nil)
	for _, p := range []*PriorRows{nil, empty} {
		for _, k := range []*Kind{tasksOnly, workersOnly} {
			for key, s := range adopted(t, p, k, event.Key("AC1", "WT1"), event.Key("AC1", "WK1")) {
				if len(s.emitted) > 0 {
					t.Errorf("%q has rows", key)
				}
			}
		}
	}
}

func TestATimeLivesThroughItsEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := Millis(rapid.OneOf(rapid.Just(int64(None)), rapid.Int64Range(-3, 3), rapid.Int64Range(math.MinInt64+1, math.MaxInt64)).Draw(rt, "time"))
		r := NewReader(AppendMillis(nil, at))
		if got := r.optional(); got != at || r.Err() != nil || len(r.Rest()) != 0 {
			rt.Fatalf("%d becomes %d, %v", at, got, r.Err())
		}
	})
	if b := AppendMillis(nil, None); len(b) != 1 {
		t.Errorf("no time takes %d bytes", len(b))
	}
}

// drawState draws a state.
func drawState(rt *rapid.T) *State {
	millis := func(name string) Millis {
		return Millis(rapid.OneOf(rapid.Just(int64(None)), rapid.Int64Range(-1e6, 2e12)).Draw(rt, name))
	}
	s := &State{
		Arrival: millis("arrival"), Since: millis("since"), Next: millis("next"), Bound: millis("bound"), AsOf: millis("as of"),
		Closed: rapid.Bool().Draw(rt, "closed"), Anonymous: rapid.Bool().Draw(rt, "anonymous"),
		Tombstone: rapid.Bool().Draw(rt, "tombstone"), Dirty: rapid.Bool().Draw(rt, "dirty"),
		Distinct: rapid.Int64().Draw(rt, "distinct"), Copies: rapid.Int64().Draw(rt, "copies"), Folds: rapid.Int64().Draw(rt, "folds"),
		Block: rapid.SliceOf(rapid.Byte()).Draw(rt, "block"),
	}
	for range rapid.IntRange(0, 3).Draw(rt, "buckets") {
		s.Buckets = append(s.Buckets, Bucket{millis("hour"), millis("newest")})
	}
	if rapid.Bool().Draw(rt, "evidence") {
		for k := range s.Evidence {
			s.Evidence[k] = rapid.Int64Range(-3, 300).Draw(rt, "count")
		}
	}
	if v := rapid.SliceOf(rapid.Byte()).Draw(rt, "value"); len(v) > 0 {
		s.Value = v
	}
	for range rapid.IntRange(0, 3).Draw(rt, "rows") {
		s.emitted = append(s.emitted, emitted{
			table: model.TableID(rapid.IntRange(0, len(model.Tables)-1).Draw(rt, "table")), key: rapid.String().Draw(rt, "key"),
			hash: rapid.Uint64().Draw(rt, "hash"), left: rapid.Bool().Draw(rt, "left"),
		})
	}
	return s
}

func TestAStateLivesThroughItsEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawState(rt)
		got, err := ReadState(s.Append(nil))
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(s, got, cmp.AllowUnexported(State{}, emitted{})); d != "" {
			rt.Fatalf("(-want +got):\n%s", d)
		}
	})
	if s, err := ReadState(nil); err != nil || cmp.Diff(NewState(), s, cmp.AllowUnexported(State{}, emitted{})) != "" {
		t.Errorf("no bytes are the state %+v, %v", s, err)
	}
}

// stateOfVersion2 is a state as the version before wrote it: when its timer stood, what was counted, its rows and
// its events.
func stateOfVersion2() []byte {
	b := []byte{2}
	for _, n := range []int64{7, 3, 1, 2} {
		b = binary.AppendVarint(b, n)
	}
	b = AppendText(append(binary.AppendUvarint(b, 1), byte(model.EngagementsID)|leftBit), "k")
	b = binary.LittleEndian.AppendUint64(b, 9)
	return append(b, 1, 2)
}

func TestAStateOfVersion2IsRead(t *testing.T) {
	got, err := ReadState(stateOfVersion2())
	if err != nil {
		t.Fatal(err)
	}
	want := NewState()
	want.Since, want.Distinct, want.Copies, want.Folds, want.Block = 7, 3, 1, 2, event.Block{1, 2}
	want.emitted = []emitted{{table: model.EngagementsID, key: "k", hash: 9, left: true}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(State{}, emitted{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, other := range []byte{0, 1, encoding + 1} {
		if _, err := ReadState([]byte{other, 0, 0}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("encoding %d: %v", other, err)
		}
	}
}

func FuzzReadStateRefusesWhatAppendDidNotWrite(f *testing.F) {
	s := NewState()
	s.Since, s.Arrival, s.Distinct, s.Folds, s.Block, s.Value, s.Closed = 7, -1, 3, 1, event.Block{1, 2}, []byte{3}, true
	s.Buckets = []Bucket{{1, 2}}
	s.emitted = []emitted{{table: model.EngagementsID, key: "k", hash: 9}}
	f.Add(s.Append(nil))
	f.Add(NewState().Append(nil))
	f.Add(stateOfVersion2())
	f.Add([]byte{1})
	f.Add([]byte{2, 0})
	f.Add([]byte{3, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadState(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		next, err := ReadState(s.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Append(nil), next.Append(nil)) {
			t.Fatalf("got %x, again %x", s.Append(nil), next.Append(nil))
		}
	})
}
