package keyed

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// settle folds rows into a state and returns the changes in words.
func settle(t *testing.T, s *State, version int64, ids ...string) []string {
	t.Helper()
	f := s.Settle()
	for _, id := range ids {
		f.Row(model.EngagementsID, engagement(id, version))
	}
	b, err := f.Done(func(model.TableID, model.Row) (int64, bool) { return version, true })
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	if err := b.Each(func(c change.Change) error {
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

func TestAFoldEmitsWhatDiffersFromWhatWasEmitted(t *testing.T) {
	s := &State{Pending: event.None}
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
		if d := cmp.Diff(step.want, settle(t, s, step.version, step.rows...)); d != "" {
			t.Errorf("version %d (-want +got):\n%s", step.version, d)
		}
		again, err := Decode(s.Encode()) // the memory outlives the bundle
		if err != nil {
			t.Fatal(err)
		}
		s = again
	}
}

func TestRowsOfAnEarlierJobAreDeletedWhereTheFoldYieldsNone(t *testing.T) {
	known := new(Known)
	known.Add(model.EngagementsID, engagement("old", 1))
	known.Add(model.EngagementsID, engagement("kept", 1))
	c := model.Customers.NewRow()
	c[0] = model.Text("WT1")
	known.Add(model.CustomersID, c)
	if taskOf(t, known, "AC1", "WT2") != nil || taskOf(t, known, "AC2", "WT9") != nil {
		t.Error("another task has rows")
	}
	s := taskOf(t, known, "AC1", "WT1")
	if s == nil {
		t.Fatal("the task has no rows")
	}
	f := s.Settle()
	f.Row(model.EngagementsID, engagement("kept", 5))
	b, err := f.Done(func(model.TableID, model.Row) (int64, bool) { return 5, true })
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	if err := b.Each(func(c change.Change) error {
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

func TestNothingIsKnownWithoutASink(t *testing.T) {
	var none *Known
	if w, err := none.Worker("AC1", "WK1"); taskOf(t, none, "AC1", "WT1") != nil || w != nil || err != nil || taskOf(t, new(Known), "AC1", "WT1") != nil {
		t.Error("something is known")
	}
}

func FuzzDecodeRefusesWhatEncodeDidNotWrite(f *testing.F) {
	s := &State{Pending: 7, Distinct: 3, Folds: 1, Blocks: event.Block{1, 2}}
	s.emitted = []emitted{{table: model.EngagementsID, key: "k", hash: 9}}
	f.Add(s.Encode())
	f.Add([]byte{1})
	f.Add([]byte{2, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again, err := Decode(s.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Encode(), again.Encode()) {
			t.Fatalf("got %x, again %x", s.Encode(), again.Encode())
		}
	})
}
