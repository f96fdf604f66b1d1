package change

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/model"
)

// row draws a row of a table: every column its type or null.
func row(t *rapid.T, table *model.Table) model.Row {
	r := table.NewRow()
	for i, c := range table.Columns {
		if !c.Required && rapid.Bool().Draw(t, "null") {
			continue
		}
		switch c.Type {
		case model.String, model.Bytes:
			r[i] = model.Value{Type: c.Type, Str: rapid.String().Draw(t, c.Name)}
		case model.Float:
			r[i] = model.Number(rapid.Float64().Draw(t, c.Name))
		case model.Bool:
			r[i] = model.Boolean(rapid.Bool().Draw(t, c.Name))
		default:
			r[i] = model.Value{Type: c.Type, Num: rapid.Int64().Draw(t, c.Name)}
		}
	}
	return r
}

func TestABlockGivesBackItsChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want, got []Change
		var b Block
		for range rapid.IntRange(0, 5).Draw(t, "changes") {
			table := rapid.SampledFrom(model.Tables).Draw(t, "table")
			c := Change{Table: table.ID, Delete: rapid.Bool().Draw(t, "delete"), Forget: rapid.Bool().Draw(t, "forget"), Row: row(t, table)}
			want = append(want, c)
			b = b.Append(c)
		}
		if err := b.Each(func(c Change) error {
			c.Row = append(model.Row(nil), c.Row...)
			got = append(got, c)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	})
}

func TestAKeyGivesBackItsCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := rapid.SampledFrom(model.Tables).Draw(t, "table")
		r := row(t, table)
		got := table.NewRow()
		if !table.ParseKey(table.AppendKey(nil, r), got) {
			t.Fatal("the key is refused")
		}
		for _, i := range table.Keys() {
			if got[i] != r[i] {
				t.Fatalf("%s: got %v, want %v", table.Columns[i].Name, got[i], r[i])
			}
		}
	})
}

func TestEachStopsAtTheFirstError(t *testing.T) {
	r := model.Agents.NewRow()
	b := Block(nil).Append(Change{Table: model.AgentsID, Row: r}).Append(Change{Table: model.AgentsID, Row: r})
	stop := errors.New("stop")
	n := 0
	if err := b.Each(func(Change) error { n++; return stop }); err != stop || n != 1 {
		t.Errorf("got %v after %d changes", err, n)
	}
}

func FuzzEachRefusesWhatAppendDidNotWrite(f *testing.F) {
	r := model.Engagements.NewRow()
	for i, c := range model.Engagements.Columns {
		switch c.Type {
		case model.String:
			r[i] = model.Text(c.Name)
		case model.Float:
			r[i] = model.Number(math.Pi)
		default:
			r[i] = model.Value{Type: c.Type, Num: 1}
		}
	}
	f.Add([]byte(Block(nil).Append(Change{Table: model.EngagementsID, Row: r})))
	f.Add([]byte{0xff, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again Block
		err := Block(b).Each(func(c Change) error {
			again = again.Append(c)
			return nil
		})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if err := again.Each(func(Change) error { return nil }); err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
	})
}
