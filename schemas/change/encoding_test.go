package change

import (
	"errors"
	"strings"
	"testing"

	"flexbeam/internal/testkit/golden"
	"flexbeam/internal/wire"
	"flexbeam/schemas/model"
)

// example returns a change of a table, with a value in every column.
func example(t *model.Table) Change {
	r := t.NewRow()
	for i, c := range t.Columns {
		switch c.Type {
		case model.String, model.Bytes:
			r[i] = model.Value{Type: c.Type, Str: c.Name}
		case model.Float:
			r[i] = model.Number(1.5)
		case model.Bool:
			r[i] = model.Boolean(true)
		default:
			r[i] = model.Value{Type: c.Type, Num: 1000 + int64(i)}
		}
	}
	return Change{Table: t.ID, Row: r}
}

func TestAChangeIsEncodedAsItWas(t *testing.T) {
	var all []golden.Encoding
	for _, table := range model.Tables {
		all = append(all, golden.Encoding{Name: table.Name, Bytes: Block(nil).Append(example(table))})
	}
	gone := Change{Table: model.AgentsID, Delete: true, Row: model.Agents.NewRow()}
	golden.Encodings(t, append(all, golden.Encoding{Name: "delete", Bytes: Block(nil).Append(gone)})...)
}

func TestAChangeInAnotherFormIsAnErrorThatSaysSo(t *testing.T) {
	for _, table := range model.Tables {
		if table.ID >= 1<<(tableBits-1) {
			t.Fatalf("the number of %s leaves no room for what else the first byte tells", table.Name)
		}
	}
	b := Block(nil).Append(example(&model.Agents))
	b[0] |= 1 << formShift
	err := b.Each(func(Change) error { return nil })
	if !errors.Is(err, ErrCorrupt) || !errors.Is(err, wire.ErrForm) || !strings.Contains(err.Error(), "form 1") {
		t.Errorf("got %v", err)
	}
}
